"""`make setup`: builds what is missing, once, anew when its lock changes, and again when it was not finished."""

import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.local.home import REPOSITORY


@dataclass(frozen=True)
class Checkout:
    """A checkout whose two environments are tiny."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "elsewhere"

    def lock(self, environment: str, *packages: str) -> None:
        lock = (REPOSITORY / "requirements" / "airflow-dev.txt").read_text(encoding="utf-8")
        blocks = [re.search(rf"^{name}==[^\n]*(\n    [^\n]*)*\n", lock, re.MULTILINE) for name in packages]
        text = "".join(block.group(0) for block in blocks if block)
        (self.folder / "requirements" / f"{environment}-dev.txt").write_text(text)

    def setup(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "tools" / "env" / "setup.sh"],
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def packages(self, environment: str) -> set[str]:
        folders = (self.home / "envs" / environment).glob("lib/python*/site-packages/*.dist-info")
        return {folder.name.partition("-")[0] for folder in folders}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("check out")
    shutil.copytree(REPOSITORY / "tools", folder / "tools")
    (folder / "requirements").mkdir()
    shutil.copy(REPOSITORY / "requirements" / "uv.txt", folder / "requirements")
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    environment = {**os.environ, "LOCAL_HOME": str(folder / "elsewhere"), "PYTHON": str(base)}
    made = Checkout(folder, environment)
    made.lock("airflow", "six")
    made.lock("spark", "six", "jmespath")
    first = made.setup()
    assert first.returncode == 0, first.stderr
    return made


@pytest.mark.slow
def test_both_environments_hold_what_is_locked_under_local_home(checkout: Checkout) -> None:
    assert checkout.packages("airflow") == {"six"}
    assert checkout.packages("spark") == {"six", "jmespath"}
    python = checkout.home / "envs" / "spark" / "bin" / "python"
    subprocess.run([python, "-c", "import jmespath"], check=True)
    assert not (checkout.folder / ".local").exists()


def test_the_second_time_nothing_is_built(checkout: Checkout) -> None:
    again = checkout.setup()
    assert (again.returncode, again.stdout) == (0, "")


def test_a_link_to_anothers_environments_is_followed_and_nothing_is_built(checkout: Checkout, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "envs").symlink_to(checkout.home / "envs")
    linked = checkout.setup(LOCAL_HOME=str(home))
    assert (linked.returncode, linked.stdout) == (0, "")


def test_a_changed_lock_builds_its_environment_alone(checkout: Checkout) -> None:
    checkout.lock("airflow", "six", "python-dateutil")
    changed = checkout.setup()
    assert [line.split("/")[-1] for line in changed.stdout.splitlines()] == ["airflow-dev.txt"]
    assert checkout.packages("airflow") == {"six", "python_dateutil"}


def test_an_environment_that_was_not_finished_is_built_again(checkout: Checkout) -> None:
    spark = checkout.home / "envs" / "spark"
    (spark / ".built-from").unlink()
    (half,) = spark.glob("lib/python*/site-packages/jmespath")
    shutil.rmtree(half)
    assert "building" in checkout.setup().stdout
    assert half.is_dir()


def test_a_package_whose_hash_is_not_the_locked_one_is_refused_and_the_environment_stays_unfinished(
    checkout: Checkout,
) -> None:
    path = checkout.folder / "requirements" / "spark-dev.txt"
    good = path.read_text()
    path.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", good))
    refused = checkout.setup()
    assert refused.returncode != 0
    assert "hash" in refused.stderr.lower()
    assert not (checkout.home / "envs" / "spark" / ".built-from").exists()
    path.write_text(good)
    assert checkout.setup().returncode == 0


@pytest.mark.slow
def test_a_python_without_ensurepip_is_served_by_the_pip_of_the_system(checkout: Checkout, tmp_path: Path) -> None:
    # As Debian has it with python3-pip and without python3-venv.
    system = tmp_path / "bin" / "python3.11"
    system.parent.mkdir()
    real = checkout.environment["PYTHON"]
    system.write_text(
        "#!/usr/bin/env bash\n"
        f'if [[ $* == *"import ensurepip"* || $* == "-m venv --clear "[!-]* ]]; then exit 1; fi\n'
        f'if [[ $* == *sys.executable* ]]; then echo "$0"; exit; fi\n'
        f'exec {real} "$@"\n'
    )
    system.chmod(system.stat().st_mode | stat.S_IXUSR)
    home = tmp_path / "home"
    done = checkout.setup(PYTHON=str(system), LOCAL_HOME=str(home))
    assert (home / "envs" / "uv" / "bin" / "uv").exists(), done.stdout + done.stderr


def test_a_folder_with_files_of_ones_own_becomes_no_home(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    refused = checkout.setup(LOCAL_HOME=str(tmp_path))
    assert refused.returncode == 1
    assert f"LOCAL_HOME={tmp_path} holds files that are not this project's" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def clean(home: Path) -> subprocess.CompletedProcess[str]:
    script, environment = REPOSITORY / "tools" / "env" / "clean.sh", {**os.environ, "LOCAL_HOME": str(home)}
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def test_clean_removes_what_runs_made_and_keeps_the_environments(checkout: Checkout) -> None:
    for folder in ("s3", "logs", "mirrors"):
        (checkout.home / folder).mkdir()
    assert clean(checkout.home).returncode == 0
    assert {path.name for path in checkout.home.iterdir()} == {"envs", ".fruit-features"}
    assert clean(checkout.home / "nowhere").returncode == 0


def test_clean_refuses_a_folder_that_is_not_the_projects(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    refused = clean(tmp_path)
    assert refused.returncode == 1
    assert f"{tmp_path} is not marked" in refused.stderr
    assert (tmp_path / "logs").is_dir()


def test_a_home_is_its_owners_alone(checkout: Checkout) -> None:
    checkout.home.chmod(0o755)
    assert checkout.setup().returncode == 0
    assert stat.S_IMODE(checkout.home.stat().st_mode) == 0o700


def test_without_a_python_that_serves_the_remedy_is_named(checkout: Checkout) -> None:
    refused = checkout.setup(PYTHON="python2.7")
    assert refused.returncode == 1
    assert "no Python 3.11 or 3.12 found (looked for: python2.7)" in refused.stderr
