"""The Airflow under test, the endpoint that rows share, and the table that they make."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.airflow_home import PYTHON_VARIABLE, FaultHome
from tests.faults.endpoint import Endpoint, free_port
from tests.faults.live_airflow import LiveAirflow
from tests.faults.rows import FAULTS, GROUPS
from tests.faults.stand_in import make_environment
from tests.faults.table import TABLE_VARIABLE, Table

TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> FaultHome:
    python = Path(os.environ.get(PYTHON_VARIABLE) or sys.executable)
    return FaultHome.migrated(tmp_path_factory.mktemp("airflow") / "home", python)


@pytest.fixture(scope="session")
def spark_env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-in") / "env"
    make_environment(folder, Path(sys.executable))
    return folder


@pytest.fixture(scope="session")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory, spark_env: Path) -> Iterator[Endpoint]:
    with Endpoint(tmp_path_factory.mktemp("endpoint") / "shared", spark_env) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def live_airflow(
    airflow_home: FaultHome, shared_endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveAirflow]:
    """All of Airflow's processes; its triggerer reaches the endpoint itself, past the proxies of the rows."""
    home = airflow_home.copy(tmp_path_factory.mktemp("live") / "home", free_port())
    with LiveAirflow(home, home.environment("none", shared_endpoint.url, {})) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    made = request.config.stash[TABLE] = Table()
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    made = config.stash.get(TABLE, None)
    if made is None:
        return
    terminalreporter.section("faults")
    terminalreporter.write(made.text())
    # The table of some rows, or of rows of which one was red, is not the one that is kept.
    if (path := os.environ.get(TABLE_VARIABLE)) and len(made.rows) == len(FAULTS):
        made.write(Path(path), {group: [fault.name for fault in faults] for group, faults in GROUPS.items()})
