"""The Airflow under test, the endpoint that rows share, and the table that they make."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from tests.faults.airflow_home import PYTHON_VARIABLE, FaultHome
from tests.faults.endpoint import Endpoint, free_port
from tests.faults.fault import Fault
from tests.faults.live_airflow import LiveAirflow
from tests.faults.live_scene import LiveScene
from tests.faults.playing import Row, struck
from tests.faults.rows import FAULTS, GROUPS
from tests.faults.scene import Scene
from tests.faults.spark_scene import SparkScene
from tests.faults.stand_in import make_environment
from tests.faults.table import TABLE_VARIABLE, Table
from tests.infra.stack import AIRFLOW, policy_of
from tools.local.home import LocalHome

TABLE = pytest.StashKey[Table]()
ROWS_AT_A_TIME = 3
LIVE_ROWS_AT_A_TIME = 4


@pytest.fixture(scope="session", autouse=True)
def policies() -> None:
    """Read before there are threads: moto takes the requests of the whole process while it deploys the stack."""
    policy_of(AIRFLOW, "any")


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
def rows_under_way(
    request: pytest.FixtureRequest,
    airflow_home: FaultHome,
    spark_env: Path,
    shared_endpoint: Endpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Future[Row]]]:
    """The rows that were asked for, several at a time: most of a row's time is waiting."""

    def play(fault: Fault) -> Row:
        folder = tmp_path_factory.mktemp("row")
        home = airflow_home.copy(folder / "home")
        if fault.shares_endpoint:
            return struck(fault, Scene.of(fault.name, home, shared_endpoint))
        environment = LocalHome.from_environment().spark_env_path if fault.needs_spark else spark_env
        with Endpoint(folder / "endpoint", environment, fault.clock_ahead_s, fault.hard) as endpoint:
            row = struck(fault, (SparkScene if fault.needs_spark else Scene).of(fault.name, home, endpoint))
        endpoint.assert_was_hard()
        return row

    def play_live(fault: Fault, others: Sequence[Future[Row]]) -> Row:
        if fault.breaks_all:
            wait(others)
        airflow: LiveAirflow = request.getfixturevalue("live_airflow")
        return struck(fault, LiveScene.of(fault.name, airflow.home, shared_endpoint, airflow=airflow))

    items = [item.callspec.params["fault"] for item in request.session.items if hasattr(item, "callspec")]
    faults = [fault for fault in items if isinstance(fault, Fault)]
    rows: dict[str, Future[Row]] = {}
    live: list[Future[Row]] = []
    with ThreadPoolExecutor(ROWS_AT_A_TIME) as pool, ThreadPoolExecutor(LIVE_ROWS_AT_A_TIME) as live_pool:
        if any(fault.needs_scheduler for fault in faults):
            # Here, for pytest's fixtures are not made in threads.
            request.getfixturevalue("live_airflow")
        for fault in sorted(faults, key=lambda fault: fault.breaks_all):
            if fault.needs_scheduler:
                rows[fault.name] = live_pool.submit(play_live, fault, list(live))
                live.append(rows[fault.name])
            else:
                rows[fault.name] = pool.submit(play, fault)
        yield rows
        pool.shutdown(cancel_futures=True)
        live_pool.shutdown(cancel_futures=True)


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
