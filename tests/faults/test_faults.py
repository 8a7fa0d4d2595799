"""Break one thing at a time: the run ends as it must, nothing is left running, nothing half done is published."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults.airflow_home import FaultHome
from tests.faults.endpoint import Endpoint
from tests.faults.fault import Fault
from tests.faults.rows import FAULTS
from tests.faults.scene import OLD_SNAPSHOT, Scene
from tests.faults.stand_in import STAGES
from tests.faults.table import Table

Row = tuple[str, ...]
ROWS_AT_A_TIME = 3


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
        with Endpoint(folder / "endpoint", spark_env, fault.clock_ahead_s) as endpoint:
            return struck(fault, Scene.of(fault.name, home, endpoint))

    faults = [item.callspec.params["fault"] for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(ROWS_AT_A_TIME) as pool:
        rows = {fault.name: pool.submit(play, fault) for fault in faults if isinstance(fault, Fault)}
        yield rows
        pool.shutdown(cancel_futures=True)


def struck(fault: Fault, scene: Scene) -> Row:
    with scene.proxy:
        fault.prepare(scene)
        scene.stage()
        results = run(fault, scene)
        fault.afterwards(scene)
        errors = [text for result in results for _, text in result["errors"]]
        words = said(fault, errors)
        assert [result["state"] for result in results] == [fault.state] * fault.runs, errors
        assert scene.live_clusters() == []
        assert len(scene.clusters()) <= fault.runs
        counts = steps_by_stage(scene)
        assert max(counts.values(), default=0) <= fault.runs, counts
        assert fault.state != "success" or counts == dict.fromkeys(STAGES, fault.runs)
        snapshot = published_snapshot(scene)
        assert snapshot == fault.snapshot
        steps = " + ".join(str(counts[stage]) for stage in STAGES)
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


def steps_by_stage(scene: Scene) -> Counter[str]:
    return Counter(step["Name"].partition(" ")[0] for step in scene.steps())


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
