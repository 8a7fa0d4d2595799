"""A LOCAL_HOME of the tests' own, in which the services run once and one run computes vectors."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, sync_playwright

from tools.data.demo_photos import make_demo_photos
from tools.local.database import migrate_database
from tools.local.home import REPOSITORY, LocalHome
from tools.local.ports import port_is_taken

RUN_LIMIT_S = 500
CHROMIUM = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed (apt install chromium)")


@contextmanager
def browser(*options: str) -> Iterator[Browser]:
    """Start Chromium. As root, which machines that run tests often are, it has to be told to go without its sandbox."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])
        yield started
        started.close()


@dataclass(frozen=True)
class Machine:
    """Calls the tools as the Makefile does, and reads what they left."""

    home: LocalHome
    environment: dict[str, str]

    def command(self, *options: str) -> list[str]:
        return [str(self.home.airflow_python), "-m", "tools.run.run_pipeline", *options]

    def make_run(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options),
            cwd=REPOSITORY,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )

    def history(self) -> list[dict[str, Any]]:
        """As `make history JSON=1` tells it."""
        done = subprocess.run(
            [str(self.home.airflow_python), "-m", "tools.run.history", "--json"],
            cwd=REPOSITORY,
            env=self.environment | {"PYTHONPATH": str(REPOSITORY / "plugins")},
            capture_output=True,
            text=True,
            check=True,
        )
        entries: list[dict[str, Any]] = json.loads(done.stdout)
        return entries

    def tool(self, python: Path, module: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call a program of `tools/` as the Makefile does."""
        return subprocess.run(
            [str(python), "-m", module],
            cwd=REPOSITORY,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )

    def run_path(self, run: str) -> Path:
        return self.home.bucket_path / "runs" / run

    def stats(self, run: str, stage: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.run_path(run) / "stats" / f"{stage}.json").read_text())
        return read

    def rows(self, path: Path) -> list[dict[str, Any]]:
        """The rows of a Parquet dataset, read by the environment that has pyarrow; arrays as their lengths."""
        code = (
            "import json, sys, pyarrow.parquet as parquet\n"
            "rows = parquet.read_table(sys.argv[1]).to_pylist()\n"
            "size = lambda value: len(value) if isinstance(value, (list, bytes)) else str(value)\n"
            "print(json.dumps([{name: size(value) for name, value in row.items()} for row in rows]))\n"
        )
        python = str(self.home.spark_env_path / "bin" / "python")
        done = subprocess.run([python, "-c", code, str(path)], capture_output=True, text=True, check=True)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def services(self, verb: str) -> subprocess.CompletedProcess[str]:
        """As `make up` and `make down`."""
        return subprocess.run(
            [str(self.home.airflow_python), "-m", "tools.local.services", verb],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def cluster_states(self) -> list[str]:
        """Of all clusters there ever were, as the endpoint keeps them on disk: it may be stopped by now."""
        documents = [json.loads(path.read_text()) for path in self.home.emr_path.glob("*/cluster.json")]
        return [document["state"] for document in documents]

    def processes(self) -> list[list[str]]:
        """The command lines of all processes that belong to this machine, by their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if f"LOCAL_HOME={self.home.root}" in [f"{k}={v}" for k, v in process.environ().items()]:
                    found.append(process.cmdline())
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def new_machine(folder: Path, **variables: str) -> Machine:
    link_environments(folder)
    ports = {"LOCAL_AWS_PORT": str(free_port()), "AIRFLOW_PORT": str(free_port())}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "FRUIT_"))}
    # No test changes a DAG file, and each look at them takes a second of processor time.
    own = {"LOCAL_HOME": str(folder), "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600"}
    environment = kept | ports | own | variables
    return Machine(LocalHome.from_environment(environment), environment)


def link_environments(folder: Path) -> None:
    real = LocalHome.from_environment()
    (folder / "envs").mkdir()
    for name in ("airflow", "spark"):
        (folder / "envs" / name).symlink_to(real.root / "envs" / name)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Airflow's folder with an empty database, which takes many seconds to make."""
    folder = tmp_path_factory.mktemp("migrated")
    link_environments(folder)
    home = LocalHome(folder)
    migrate_database(home)
    return home.airflow_path


@pytest.fixture
def machine(tmp_path: Path, migrated: Path) -> Iterator[Machine]:
    """A machine on which nothing runs."""
    shutil.copytree(migrated, tmp_path / "airflow")
    machine = new_machine(tmp_path)
    yield machine
    machine.services("down")


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the clusters: other code is a reason to run, so nobody's edits in the checkout may reach it."""
    code = tmp_path_factory.mktemp("code")
    for folder in ("spark_jobs", "bootstrap", "run_contract"):
        if (REPOSITORY / folder).is_dir():
            shutil.copytree(REPOSITORY / folder, code / folder)
    return code


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, migrated: Path, code: Path) -> Iterator[Machine]:
    """A machine on which `make up` was called; afterwards `make down`, and nothing of it is left."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(migrated, folder / "airflow")
    machine = new_machine(folder, FRUIT_FEATURES_CODE_ROOT=str(code))
    yield from up_and_down(machine)


def up_and_down(machine: Machine) -> Iterator[Machine]:
    started = machine.services("up")
    assert started.returncode == 0, started.stdout + started.stderr
    assert f"Airflow is up: {machine.home.airflow_url}" in started.stdout
    yield machine
    stopped = machine.services("down")
    assert "stopped: triggerer, dag-processor, scheduler, api-server, local_aws" in stopped.stdout
    assert not port_is_taken(machine.home.airflow_port)
    assert not port_is_taken(machine.home.aws_port)
    assert machine.services("down").stdout == "stopped: nothing ran\n"


@dataclass(frozen=True)
class GreenRun:
    """The run `few`, the only one that computes vectors, and the options that make it again."""

    machine: Machine
    done: subprocess.CompletedProcess[str]
    options: tuple[str, ...]

    def again(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.machine.make_run(*self.options, *options)


@pytest.fixture(scope="session")
def green(airflow: Machine, few_photos: Path) -> GreenRun:
    options = (f"--source={few_photos}", "--weights=random:0", "--components=4")
    return GreenRun(airflow, airflow.make_run(*options, "--run=few"), options)


@pytest.fixture(scope="session")
def few_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labels, 20 pictures to train and 10 to test; one text that claims to be a picture; one file to ignore."""
    drawn = make_demo_photos(tmp_path_factory.mktemp("drawn") / "demo")
    folder = tmp_path_factory.mktemp("photos") / "few photos"
    for fruit in ("Apple", "Blueberry"):
        for split, count in (("Training", 10), ("Test", 5)):
            (folder / split / fruit).mkdir(parents=True)
            for path in sorted((drawn / split / fruit).glob("*_100.jpg"))[:count]:
                shutil.copy(path, folder / split / fruit)
    (folder / "Training" / "Apple" / "notes.jpg").write_text("no picture")
    (folder / ".DS_Store").write_bytes(bytes(16))
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
