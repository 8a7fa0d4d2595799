"""The second belt: a cluster goes when its run is over, after a second look, and never while its run goes on."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from emr_pipeline.emr.job_flow import cluster_tags
from emr_pipeline.operators.end_orphaned_clusters import EndOrphanedClustersOperator
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.deferral import task_name
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of
from tests.plugins.fake_emr import FakeEmr


class Runs:
    """Counts DAG runs as Airflow's task API does."""

    def __init__(self, **states: str) -> None:
        self.states = states

    def get_dr_count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        assert dag_id == "fruit_features"
        return sum(run in run_ids and (states is None or state in states) for run, state in self.states.items())


@pytest.fixture
def runs() -> Runs:
    return Runs(ended="failed", going="running", waiting="queued", done="success")


@pytest.fixture
def reaper(settings: Any, emr: FakeEmr) -> EndOrphanedClustersOperator:
    for run in ("ended", "going", "waiting", "done", "deleted"):
        tags = cluster_tags(settings, "fruit_features", run)
        emr.add_cluster(f"j-{run}", f"fruit_features pictures {run}", "WAITING", tags)
    return EndOrphanedClustersOperator(task_id="reaper", settings=settings, region_name="us-east-1")


def context_of(runs: Runs) -> Any:
    return {
        "ti": SimpleNamespace(get_dr_count=runs.get_dr_count),
        "dag": SimpleNamespace(dag_id="fruit_features_reaper"),
        "dag_run": SimpleNamespace(run_id="scheduled__1"),
    }


def told(reaper: EndOrphanedClustersOperator, runs: Runs, *suspects: str) -> dict[str, Any]:
    """The event of the reaper's own trigger, which saw these clusters."""
    return {"suspects": list(suspects), "waiting_task": task_name(context_of(runs), reaper)}


def suspects_of(reaper: EndOrphanedClustersOperator, runs: Runs) -> dict[str, Any]:
    """The event of the first look's trigger, without its wait."""
    deferral = deferral_of(reaper, context_of(runs))
    deferral.trigger.pause_s = 0
    (event,) = events_of(deferral.trigger)
    return dict(event)


def states(emr: FakeEmr) -> dict[str, str]:
    return {name: cluster["Status"]["State"] for name, cluster in emr.clusters.items()}


def test_the_first_look_ends_nothing(reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs) -> None:
    assert suspects_of(reaper, runs) == told(reaper, runs, "j-ended", "j-done", "j-deleted")
    assert emr.calls == []


def test_the_second_look_comes_after_the_grace_time_of_the_settings(
    reaper: EndOrphanedClustersOperator, runs: Runs
) -> None:
    deferral = deferral_of(reaper, context_of(runs))

    assert deferral.trigger.pause_s == reaper.settings.reaper_grace_s
    assert deferral.timeout > timedelta(seconds=reaper.settings.reaper_grace_s)


def test_the_second_look_ends_those_whose_run_is_over_and_returns_which(
    reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs
) -> None:
    ended = reaper.execute_complete(context_of(runs), suspects_of(reaper, runs))

    assert ended == ["j-ended", "j-done", "j-deleted"]
    assert states(emr) == {
        "j-ended": "TERMINATED",
        "j-going": "WAITING",
        "j-waiting": "WAITING",
        "j-done": "TERMINATED",
        "j-deleted": "TERMINATED",
    }


def test_a_run_that_was_cleared_in_between_keeps_its_cluster(
    reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs
) -> None:
    suspects = suspects_of(reaper, runs)
    runs.states["ended"] = "running"

    assert "j-ended" not in reaper.execute_complete(context_of(runs), suspects)
    assert states(emr)["j-ended"] == "WAITING"


def test_a_cluster_seen_once_only_is_left_to_the_next_time(
    reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs
) -> None:
    reaper.execute_complete(context_of(runs), told(reaper, runs, "j-deleted"))

    assert [name for name, state in states(emr).items() if state == "TERMINATED"] == ["j-deleted"]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("fruit_features pictures x", {"fruit-features:bucket": "another-bucket"}),
        ("fruit_features pictures x", {"fruit-features:deployment": "another Airflow on this bucket"}),
        ("fruit_features pictures x", {"fruit-features:deployment": None}),
        ("fruit_features pictures x", {"fruit-features:run": None}),
        ("somebody's", {}),
    ],
)
def test_a_cluster_that_is_not_of_this_deployment_is_left_alone(
    settings: Any, emr: FakeEmr, runs: Runs, name: str, tags: dict[str, Any]
) -> None:
    own = cluster_tags(settings, "fruit_features", "x")
    emr.add_cluster("j-x", name, "WAITING", {key: tag for key, tag in (own | tags).items() if tag is not None})
    reaper = EndOrphanedClustersOperator(task_id="reaper", settings=settings, region_name="us-east-1")

    assert reaper.execute(context_of(runs)) == []
    assert reaper.execute_complete(context_of(runs), told(reaper, runs, "j-x")) == []
    assert emr.calls == []


@pytest.mark.parametrize("event", [None, {"digest": "ab", "waited_s": 0}, {"suspects": ["j-ended"]}])
def test_another_tasks_event_ends_nothing_and_the_reaper_looks_again(
    reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs, event: dict[str, Any] | None
) -> None:
    with pytest.raises(TaskDeferred):
        reaper.execute_complete(context_of(runs), event)

    assert emr.calls == []


def test_a_protected_orphan_is_an_error_and_the_others_go_all_the_same(
    reaper: EndOrphanedClustersOperator, emr: FakeEmr, runs: Runs
) -> None:
    emr.clusters["j-ended"]["TerminationProtected"] = True
    suspects = suspects_of(reaper, runs)

    with pytest.raises(AirflowFailException, match=r"run ended of the DAG fruit_features.*j-ended is protected"):
        reaper.execute_complete(context_of(runs), suspects)

    assert states(emr)["j-deleted"] == "TERMINATED"
