"""A LOCAL_HOME of the test's own: the environments are this machine's, everything else is new and thrown away."""

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

import boto3
import pytest

from tools.data.demo_photos import make_demo_photos
from tools.local.database import migrate_database
from tools.local.endpoint import keep_endpoint, release_endpoint
from tools.local.home import REPOSITORY, LocalHome

RUN_LIMIT_S = 280


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

    def cluster_states(self) -> list[str]:
        """Of all clusters there ever were."""
        emr = boto3.client(
            "emr",
            endpoint_url=self.home.aws_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        return [cluster["Status"]["State"] for cluster in emr.list_clusters()["Clusters"]]


@contextmanager
def new_machine(folder: Path) -> Iterator[Machine]:
    link_environments(folder)
    ports = {"LOCAL_AWS_PORT": str(free_port()), "AIRFLOW_PORT": str(free_port())}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "FRUIT_"))}
    environment = kept | ports | {"LOCAL_HOME": str(folder)}
    machine = Machine(LocalHome.from_environment(environment), environment)
    # Kept up from outside, as by `make up`: an endpoint that stops ends its clusters, and that is not what is tested.
    keep_endpoint(machine.home)
    yield machine
    release_endpoint(machine.home)


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
    shutil.copytree(migrated, tmp_path / "airflow")
    with new_machine(tmp_path) as machine:
        yield machine


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
