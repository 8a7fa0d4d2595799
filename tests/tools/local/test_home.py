"""The environment of one machine: local throughout, secret, and nobody else's account."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from emr_pipeline.settings import Settings
from tools.local.home import SECRETS, LocalHome, local_environment


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    return LocalHome.from_environment({"LOCAL_HOME": str(tmp_path), "LOCAL_AWS_PORT": "5661", "AIRFLOW_PORT": "8081"})


def test_everything_lies_under_local_home(home: LocalHome, tmp_path: Path) -> None:
    environment = local_environment(home, {})
    assert environment["AIRFLOW_HOME"] == f"{tmp_path}/airflow"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow/airflow.db?timeout=60"
    assert environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(str(tmp_path))
    assert environment["FRUIT_FEATURES_NODE_VENV"] == f"{tmp_path}/envs/spark"


def test_ports_are_those_that_were_named_and_bound_to_this_machine(home: LocalHome) -> None:
    environment = local_environment(home, {})
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5661"
    assert (environment["AIRFLOW__API__HOST"], environment["AIRFLOW__API__PORT"]) == ("127.0.0.1", "8081")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"


def test_a_persons_own_aws_account_is_not_reached(home: LocalHome) -> None:
    mine = {
        "AWS_PROFILE": "mine",
        "AWS_ACCESS_KEY_ID": "AKIAMINE",
        "AWS_SECRET_ACCESS_KEY": "mine",
        "AWS_SESSION_TOKEN": "mine",
        "AWS_ENDPOINT_URL_S3": "https://mine",
        "PATH": "/bin",
    }
    environment = local_environment(home, mine)
    assert "mine" not in " ".join(environment.values()).lower().replace("akiamine", "mine").split()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & set(environment)
    assert environment["AWS_ACCESS_KEY_ID"].startswith("LOCAL")
    assert environment["PATH"] == "/bin"


def test_secrets_are_random_kept_and_readable_by_their_owner_alone(home: LocalHome, tmp_path: Path) -> None:
    first, second = local_environment(home, {}), local_environment(home, {})
    other = local_environment(LocalHome(root=tmp_path / "other"), {})
    for name in SECRETS:
        assert first[name] == second[name] != other[name]
        assert len(first[name]) > 20
    Fernet(first["AIRFLOW__CORE__FERNET_KEY"])
    files = [path for path in home.airflow_path.iterdir() if path.suffix != ".lock"]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files} == dict.fromkeys(
        ("secrets.json", "passwords.json"), 0o600
    )


def test_a_home_that_others_could_enter_is_closed(home: LocalHome, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    local_environment(home, {})
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_folder_that_all_users_share_stays_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    local_environment(LocalHome(tmp_path), {})
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_secrets_of_an_older_version_are_kept_and_the_new_ones_join_them(home: LocalHome) -> None:
    home.airflow_path.mkdir()
    (home.airflow_path / "secrets.json").write_text('{"AIRFLOW__CORE__FERNET_KEY": "old"}')
    environment = local_environment(home, {})
    assert environment["AIRFLOW__CORE__FERNET_KEY"] == "old"
    assert environment["AWS_SECRET_ACCESS_KEY"]


def test_a_proxy_is_not_asked_for_this_machines_own_services(home: LocalHome) -> None:
    environment = local_environment(home, {"http_proxy": "http://proxy:3128", "no_proxy": "intranet"})
    assert environment["NO_PROXY"].split(",") == ["intranet", "127.0.0.1", "localhost"]


def test_the_dags_settings_take_it(home: LocalHome) -> None:
    settings = Settings.from_environment(local_environment(home, {}))
    assert (settings.bucket, settings.poll_s) == ("fruit-features", 1)
    assert settings.source_uri == "s3://fruit-features/landing/demo"
    assert settings.node_venv == str(home.spark_env_path)
