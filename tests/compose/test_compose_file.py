"""docker-compose.yaml: accepted by docker-compose, closed to the outside, without a default password."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import boto3
import botocore.session
import pytest
import yaml
from airflow.configuration import conf

from emr_pipeline.settings import Settings
from tests.compose.compose_file import (
    AIRFLOW_SERVICES,
    COMPOSE_PATH,
    IN_THE_IMAGE,
    LOCAL_AWS_SERVICES,
    REPOSITORY,
    SECRETS,
    command,
    read_compose,
    services,
)

DOCKER_COMPOSE = shutil.which("docker-compose")
needs_docker_compose = pytest.mark.skipif(DOCKER_COMPOSE is None, reason="docker-compose is not installed (apt)")


def docker_compose(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    assert DOCKER_COMPOSE is not None
    # In a folder of its own: the .env of whoever runs the tests is not asked.
    shutil.copy(COMPOSE_PATH, tmp_path)
    return subprocess.run(
        [DOCKER_COMPOSE, "config"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_docker_compose
def test_docker_compose_accepts_the_file_and_reads_it_as_these_tests_do(tmp_path: Path) -> None:
    done = docker_compose(tmp_path, **SECRETS)
    assert done.returncode == 0, done.stderr
    seen = yaml.safe_load(done.stdout)["services"]
    assert set(seen) == set(services())
    for name, service in services().items():
        assert seen[name].get("command") == service.get("command")
        assert seen[name]["environment"] == service["environment"]


@needs_docker_compose
@pytest.mark.parametrize("name", sorted(SECRETS))
def test_without_a_secret_nothing_starts_and_the_remedy_is_named(tmp_path: Path, name: str) -> None:
    done = docker_compose(tmp_path, **{key: value for key, value in SECRETS.items() if key != name})
    assert done.returncode != 0
    assert "make env" in done.stderr


def test_no_secret_stands_in_a_file() -> None:
    for name in SECRETS:
        assert re.search(rf"\$\{{{name}:\?", COMPOSE_PATH.read_text())
        assert re.search(rf"^{name}=$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=REPOSITORY, check=False)
    assert ignored.returncode == 0


def test_make_env_writes_every_secret_at_random_and_never_over_another(tmp_path: Path) -> None:
    written = []
    for folder in ("a", "b"):
        (tmp_path / folder / "tools/env").mkdir(parents=True)
        script = Path(shutil.copy(REPOSITORY / "tools/env/make_env.sh", tmp_path / folder / "tools/env"))
        for _ in range(2):
            subprocess.run([script], check=True, capture_output=True)
            path = tmp_path / folder / ".env"
            lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
            written.append(dict(line.split("=", 1) for line in lines))
            assert path.stat().st_mode & 0o077 == 0
    assert written[0] == written[1]
    assert written[2] == written[3]
    for name in SECRETS:
        assert written[0][name] != written[2][name]
        assert len(written[0][name]) >= 44
    assert set(written[0]) == set(SECRETS)
    assert re.fullmatch(r"[0-9a-f]{64}", written[0]["POSTGRES_PASSWORD"])
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}=", written[0]["AIRFLOW_FERNET_KEY"])


def test_make_env_fills_in_the_example_and_closes_it(tmp_path: Path) -> None:
    (tmp_path / "tools/env").mkdir(parents=True)
    script = Path(shutil.copy(REPOSITORY / "tools/env/make_env.sh", tmp_path / "tools/env"))
    env = tmp_path / ".env"
    env.write_text((REPOSITORY / ".env.example").read_text() + "AIRFLOW_PORT=8081")
    env.chmod(0o644)
    for _ in range(2):
        subprocess.run([script], check=True, capture_output=True)
    lines = [line for line in env.read_text().splitlines() if line and not line.startswith("#")]
    written = dict(line.split("=", 1) for line in lines)
    assert len(written) == len(lines)
    assert written["AIRFLOW_PORT"] == "8081"
    assert all(len(written[name]) >= 44 for name in SECRETS)
    assert env.stat().st_mode & 0o077 == 0


def test_make_env_gives_an_older_env_what_it_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "tools/env").mkdir(parents=True)
    script = Path(shutil.copy(REPOSITORY / "tools/env/make_env.sh", tmp_path / "tools/env"))
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=known\n")
    subprocess.run([script], check=True, capture_output=True)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert written["POSTGRES_PASSWORD"] == "known"
    assert set(written) == set(SECRETS)


def test_no_container_has_rights_or_memory_without_limit() -> None:
    for service in services().values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["deploy"]["resources"]["limits"]["memory"]


def test_the_builder_is_given_the_locks_and_no_secret() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["*", "!requirements/*.txt"]


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:5600:5600", "127.0.0.1:8080:8080"]
    assert not any(service.get("network_mode") == "host" for service in services().values())


def test_images_have_a_version_or_are_built_here() -> None:
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text()
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))
    for service in services().values():
        assert re.fullmatch(r"[a-z-]+:\d[\d.]*", service["image"])
        if "build" in service:
            assert service["build"]["target"] in targets
    assert re.search(r"^FROM python:3\.11-slim-bookworm AS base$", dockerfile, re.MULTILINE)


def test_every_file_that_the_images_copy_is_there_and_installed_with_hashes() -> None:
    dockerfile = (REPOSITORY / "docker" / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.*)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]]
    assert "requirements/airflow.txt" in copied
    assert [name for name in copied if not (REPOSITORY / name).is_file()] == []
    installs = re.findall(r"pip (?:install|sync) .*", dockerfile)
    assert len(installs) == 4
    assert all("--require-hashes" in line for line in installs)


def test_every_folder_that_is_mounted_is_there() -> None:
    volumes = read_compose()["volumes"]
    for service in services().values():
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("./"):
                assert (REPOSITORY / source).is_dir(), source
                assert target == f"{IN_THE_IMAGE}/{source.removeprefix('./')}"
                assert volume.endswith(":ro")
            else:
                assert source in volumes


@pytest.mark.parametrize("name", AIRFLOW_SERVICES)
def test_airflow_knows_every_variable_that_is_set(name: str) -> None:
    environment = services()[name]["environment"]
    for variable in environment:
        if variable.startswith("AIRFLOW__"):
            section, key = variable.removeprefix("AIRFLOW__").lower().split("__")
            assert conf.configuration_description[section]["options"][key] is not None, variable
    assert Settings.from_environment(environment).source_uri == "s3://fruit-features/landing/demo"


def test_airflow_processes_are_the_four_that_airflow_has_and_a_migration() -> None:
    assert [command(services()[name])[:2] for name in AIRFLOW_SERVICES] == [
        ["airflow", "db"],
        ["airflow", "api-server"],
        ["airflow", "scheduler"],
        ["airflow", "dag-processor"],
        ["airflow", "triggerer"],
    ]
    assert set(services()) == {*AIRFLOW_SERVICES, *LOCAL_AWS_SERVICES, "postgres"}


def test_what_stays_up_has_a_health_check_and_what_runs_once_is_not_restarted() -> None:
    once = {"migrate", "demo"}
    for name, service in services().items():
        assert ("healthcheck" in service) == (name not in once)
        assert service.get("restart", "no") == ("no" if name in once else "unless-stopped")


def test_the_file_of_aws_settings_makes_buckets_paths() -> None:
    session = botocore.session.Session()
    session.set_config_variable("config_file", str(REPOSITORY / "docker" / "aws-config"))
    session.set_credentials("a", "b")
    s3 = boto3.Session(botocore_session=session).client("s3", endpoint_url="http://local-aws:5600")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "fruit-features", "Key": "a"})
    assert url.startswith("http://local-aws:5600/fruit-features/a?")
