"""The teardown is done when the cluster is gone, and red when it is not."""

import asyncio
from typing import Any

import pytest

from emr_pipeline.operators.terminate_cluster import TerminateClusterOperator
from emr_pipeline.task.airflow_compat import AirflowFailException
from emr_pipeline.task.dag_run import own_tags
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of, told_to
from tests.plugins.fake_emr import FakeEmr


def operator(settings: Any, cluster_id: str | None = "j-1") -> TerminateClusterOperator:
    return TerminateClusterOperator(task_id="terminate_cluster", settings=settings, job_flow_id=cluster_id)


@pytest.fixture
def cluster(emr: FakeEmr) -> FakeEmr:
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", {})
    return emr


@pytest.mark.parametrize("end", ["TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_a_cluster_that_is_gone_is_gone_however_it_went(
    settings: Any, cluster: FakeEmr, context: Any, end: str
) -> None:
    cluster.state_after_terminate = end

    operator(settings).execute(context)

    assert cluster.calls == ["TerminateJobFlows"]


@pytest.mark.parametrize("end", ["TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_a_deferred_teardown_waits_for_either_end(
    settings: Any, cluster: FakeEmr, context: Any, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.state_after_terminate = "TERMINATING"
    teardown = operator(settings)
    deferral = deferral_of(teardown, context)

    async def tick(_: float) -> None:
        cluster.set_cluster("j-1", end)

    monkeypatch.setattr(asyncio, "sleep", tick)
    (event,) = events_of(deferral.trigger)
    teardown.execute_complete(context, event)

    assert event["status"] == "over"


def test_a_cluster_that_ended_before_is_no_error(settings: Any, cluster: FakeEmr, context: Any) -> None:
    cluster.set_cluster("j-1", "TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE", "Spot")

    operator(settings).execute(context)


def test_a_run_that_made_no_cluster_has_none_to_end(settings: Any, emr: FakeEmr, context: Any) -> None:
    operator(settings, cluster_id=None).execute(context)

    assert emr.calls == []


def test_a_protected_cluster_is_an_error_that_says_what_to_do(settings: Any, cluster: FakeEmr, context: Any) -> None:
    cluster.clusters["j-1"]["TerminationProtected"] = True

    with pytest.raises(AirflowFailException, match=r"protected from termination.*no-termination-protected"):
        operator(settings).execute(context)


def test_a_cluster_that_will_not_go_is_an_error(settings: Any, cluster: FakeEmr, context: Any) -> None:
    teardown = operator(settings)

    with pytest.raises(AirflowFailException, match="cluster j-1 is still WAITING after 1 h 0 min"):
        teardown.execute_complete(context, told_to(teardown, context, "timeout"))


def test_that_another_cluster_is_gone_says_nothing_of_the_runs_own(
    settings: Any, cluster: FakeEmr, context: Any
) -> None:
    cluster.state_after_terminate = "TERMINATING"
    cluster.add_cluster("j-OTHERS", "fruit_features pictures another", "TERMINATED", {})
    teardown = operator(settings)
    event = told_to(teardown, context, "over", waiting_task="another/run/terminate_cluster", cluster_id="j-OTHERS")

    with pytest.raises(TaskDeferred) as again:
        teardown.execute_complete(context, event)

    assert again.value.trigger.cluster_id == "j-1"
    assert cluster.clusters["j-1"]["Status"]["State"] == "TERMINATING"


@pytest.mark.slow
def test_every_live_cluster_with_the_runs_tags_is_ended(settings: Any, cluster: FakeEmr, context: Any) -> None:
    own = own_tags(context, settings)
    cluster.add_cluster("j-2", "fruit_features pictures r", "WAITING", own)
    cluster.add_cluster("j-3", "fruit_features pictures r", "WAITING", own | {"fruit-features:run": "another"})

    operator(settings).execute(context)

    states = {name: described["Status"]["State"] for name, described in cluster.clusters.items()}
    assert states == {"j-1": "TERMINATED", "j-2": "TERMINATED", "j-3": "WAITING"}


@pytest.mark.slow
def test_a_cluster_of_which_no_id_was_recorded_is_found_by_its_tags(settings: Any, emr: FakeEmr, context: Any) -> None:
    emr.add_cluster("j-2", "fruit_features pictures r", "BOOTSTRAPPING", own_tags(context, settings))

    operator(settings, cluster_id=None).execute(context)

    assert emr.clusters["j-2"]["Status"]["State"] == "TERMINATED"


def test_a_run_that_was_marked_failed_stays_failed_when_its_cluster_is_gone(
    settings: Any, cluster: FakeEmr, context: Any
) -> None:
    context["ti"].states.update({"featurize_images.wait_for_step": "failed", "publish": "skipped"})

    with pytest.raises(AirflowFailException, match=r"marked failed while featurize_images\.wait_for_step ran"):
        operator(settings).execute(context)

    assert cluster.calls == ["TerminateJobFlows"]


@pytest.mark.parametrize(
    "states",
    [
        {"validate_run.wait_for_step": "success", "publish": "success"},
        {"featurize_images.wait_for_step": "failed", "publish": "upstream_failed", "remove_old_runs": "skipped"},
        {"publish": "failed", "remove_old_runs": "skipped"},
    ],
)
def test_the_teardown_of_a_run_that_nobody_ended_is_green(
    settings: Any, cluster: FakeEmr, context: Any, states: dict[str, str]
) -> None:
    context["ti"].states.update(states)

    operator(settings).execute(context)

    assert cluster.calls == ["TerminateJobFlows"]
