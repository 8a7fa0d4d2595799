"""One row, from the bucket of a deployment to the words that a person reads; what must always hold is asserted."""

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.faults.fault import Fault
from tests.faults.permissions import asks, denied
from tests.faults.scene import Scene
from tests.faults.stand_in import STAGES
from tests.infra.stack import AIRFLOW, NODES
from tests.messages import facts

Row = tuple[str, ...]
ASKED: Mapping[str, set[str]] = {AIRFLOW: set(), NODES: set()}
"""The actions of IAM that all rows together needed, by who needed them."""


def struck(fault: Fault, scene: Scene) -> Row:
    with scene.proxy, scene.held:
        fault.prepare(scene)
        if fault.shares_endpoint:
            scene.listen()
        scene.stage()
        results = run(fault, scene)
        fault.afterwards(scene)
        errors = [text for result in results for _, text in result["errors"]] + scene.told
        words = said(fault, errors)
        assert [result["state"] for result in results] == [fault.state] * fault.runs, errors
        assert scene.live_clusters() == []
        assert len(scene.clusters()) <= fault.most_clusters
        counts = steps_by_stage(scene)
        assert fault.allows(counts, scene.attempts()), (counts, scene.attempts())
        snapshot = published_snapshot(scene)
        assert snapshot == fault.snapshot
        if scene.people and not fault.tells_nobody:
            assert_told_once(scene, [] if fault.needs_scheduler else results)
        see_to_permissions(scene)
        steps = " + ".join(str(count) for count in counts)
        return fault.name, fault.state, f"{len(scene.clusters())} made, 0 left", steps, snapshot, words


def see_to_permissions(scene: Scene) -> None:
    """Nothing that Airflow and the nodes asked of AWS is denied; what they asked is kept in ASKED."""
    for who, requests in ((AIRFLOW, scene.proxy.requests), (NODES, scene.node_requests())):
        assert denied(requests, scene.bucket, who) == []
        ASKED[who].update(ask.action for request in requests for ask in asks(request, scene.bucket))


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


def assert_told_once(scene: Scene, results: list[dict[str, Any]]) -> None:
    """People are told each fact once: each snapshot, each failed task of these runs, each orphaned cluster."""
    assert scene.people
    told = facts(scene.people.read())
    assert len(told) == len(set(told)), told
    kinds = Counter(fact.partition("-")[0] for fact in told)
    assert kinds["published"] == len(scene.snapshots()), told
    assert kinds["orphan"] == len([words for words in scene.told if words.startswith("Terminating cluster")]), told
    if results:
        failed = [task_id for result in results for task_id, state in result["tasks"].items() if state == "failed"]
        # Of this DAG: the reaper's failures are not the run's.
        told_of = [fact for fact in told if fact.startswith("failed-") and " fruit_features " in fact]
        assert len(told_of) == len(failed), (failed, told)


def steps_by_stage(scene: Scene) -> tuple[int, ...]:
    names = [step["Name"].partition(" ")[0] for step in scene.steps()]
    assert set(names) <= set(STAGES)
    return tuple(names.count(stage) for stage in STAGES)


def published_snapshot(scene: Scene) -> str:
    """`old`, `new` or `earlier`; anything but the whole of one of them is an error."""
    content = scene.published()
    if content == scene.old_snapshot:
        return "old"
    snapshot = json.loads(content)
    assert set(snapshot["counts"]) == set(STAGES)
    assert scene.has_object(snapshot["report_uri"])
    if "rollbacks" in snapshot:
        assert scene.has_object(f"{snapshot['pca_features_uri']}/")
        return "earlier"
    assert snapshot["run"].startswith(scene.run)
    return "new"
