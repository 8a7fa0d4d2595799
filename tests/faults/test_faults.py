"""Break one thing at a time: the run ends as it must, nothing is left running, nothing half done is published."""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from tests.faults.airflow_home import FaultHome
from tests.faults.endpoint import Endpoint
from tests.faults.fault import Fault
from tests.faults.live_airflow import LiveAirflow
from tests.faults.live_scene import LiveScene
from tests.faults.rows import FAULTS
from tests.faults.scene import OLD_SNAPSHOT, Scene
from tests.faults.spark_scene import SparkScene
from tests.faults.stand_in import STAGES
from tests.faults.table import Table
from tools.local_env import LocalHome

Row = tuple[str, ...]
ROWS_AT_A_TIME = 3
LIVE_ROWS_AT_A_TIME = 4


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_it_must(fault: Fault, rows_under_way: Mapping[str, Future[Row]], table: Table) -> None:
    table.add(*rows_under_way[fault.name].result())


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
        with Endpoint(folder / "endpoint", environment, fault.clock_ahead_s) as endpoint:
            return struck(fault, (SparkScene if fault.needs_spark else Scene).of(fault.name, home, endpoint))

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
                rows[fault.name] = live_pool.submit(play_live, fault, list(live) if fault.breaks_all else [])
                live += [] if fault.breaks_all else [rows[fault.name]]
            else:
                rows[fault.name] = pool.submit(play, fault)
        yield rows
        pool.shutdown(cancel_futures=True)
        live_pool.shutdown(cancel_futures=True)


def struck(fault: Fault, scene: Scene) -> Row:
    with scene.proxy:
        fault.prepare(scene)
        scene.stage()
        results = run(fault, scene)
        fault.afterwards(scene)
        errors = [text for result in results for _, text in result["errors"]] + scene.told
        words = said(fault, errors)
        assert [result["state"] for result in results] == [fault.state] * fault.runs, errors
        assert scene.live_clusters() == []
        assert len(scene.clusters()) <= fault.most_clusters
        counts = steps_by_stage(scene)
        assert fault.allows(counts), counts
        snapshot = published_snapshot(scene)
        assert snapshot == fault.snapshot
        steps = " + ".join(str(count) for count in counts)
        return fault.name, fault.state, f"{len(scene.clusters())} made, 0 left", steps, snapshot, words


def run(fault: Fault, scene: Scene) -> list[dict[str, Any]]:
    failures: list[BaseException] = []

    def strike() -> None:
        try:
            fault.strike(scene)
        except BaseException as error:
            failures.append(error)

    names = [scene.run, *(f"{scene.run}-{number}" for number in range(2, fault.runs + 1))]
    processes = {name: scene.start_dag(run=name) for name in names}
    striking = threading.Thread(target=strike)
    striking.start()
    try:
        results = [scene.result(process, run=name) for name, process in processes.items()]
        striking.join()
    finally:
        for process in processes.values():
            process.kill()
    if failures:
        raise AssertionError(f"the fault could not strike; the run: {results}") from failures[0]
    return results


def said(fault: Fault, errors: list[str]) -> str:
    """The line that names the cause."""
    if not fault.says:
        return errors[0].splitlines()[0] if errors else ""
    lines = [line for error in errors for line in error.splitlines() if re.search(fault.says, line)]
    assert lines, f"nobody says {fault.says!r}: {errors}"
    return lines[0]


def steps_by_stage(scene: Scene) -> tuple[int, ...]:
    names = [step["Name"].partition(" ")[0] for step in scene.steps()]
    assert set(names) <= set(STAGES)
    return tuple(names.count(stage) for stage in STAGES)


def published_snapshot(scene: Scene) -> str:
    """`old` or `new`; anything but the whole of either is an error."""
    content = scene.published()
    if content == OLD_SNAPSHOT:
        return "old"
    snapshot = json.loads(content)
    assert snapshot["run"].startswith(scene.run)
    assert set(snapshot["counts"]) == set(STAGES)
    assert scene.has_object(snapshot["report_uri"])
    return "new"
