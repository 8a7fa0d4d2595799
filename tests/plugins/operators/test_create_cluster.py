"""Exactly one cluster a run: adopted if it is there, ended if it does not come up."""

import asyncio
import gzip
from typing import Any

import pytest
from airflow.exceptions import AirflowException
from botocore.exceptions import ClientError

from emr_pipeline.emr.cluster_states import STARTING_STATES, USABLE_STATES
from emr_pipeline.operators.create_cluster import CreateClusterOperator
from emr_pipeline.task.airflow_compat import AirflowFailException, TaskDeferralError
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of, told_to
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import publish_run

TAGS = {
    "for-use-with-amazon-emr-managed-policies": "true",
    "fruit-features:dag": "fruit_features",
    "fruit-features:run": "manual__2026-11-20T16:00:00+00:00",
    "fruit-features:bucket": "pictures",
    "fruit-features:deployment": "pictures",
}


@pytest.fixture
def create(settings: Any, s3: Any, emr: FakeEmr) -> CreateClusterOperator:
    for name in ("20_b.sh", "10_a.sh", "requirements.txt", "check_environment.py"):
        s3.put_object(Bucket="pictures", Key=f"code/v1/bootstrap/{name}", Body=b"")
    return CreateClusterOperator(
        task_id="create_cluster",
        settings=settings,
        code_uri="s3://pictures/code/v1",
        region_name="us-east-1",
    )


def test_a_run_without_a_cluster_gets_one_with_its_tags_and_bootstrap_actions(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    context["params"]["precision"] = "bfloat16"

    cluster_id = create.execute(context)

    request = emr.clusters[cluster_id]["Request"]
    assert emr.calls == ["RunJobFlow"]
    assert {tag["Key"]: tag["Value"] for tag in request["Tags"]} == TAGS
    assert [action["Name"] for action in request["BootstrapActions"]] == ["10_a", "20_b"]
    assert [action["ScriptBootstrapAction"]["Args"][2:] for action in request["BootstrapActions"]] == [
        ["s3://pictures/wheels", "us-east-1"]
    ] * 2
    assert {
        config["InstanceType"].split(".")[0]
        for fleet in request["Instances"]["InstanceFleets"]
        for config in fleet["InstanceTypeConfigs"]
    } == {"r7i"}


@pytest.mark.parametrize("state", USABLE_STATES)
def test_a_usable_cluster_with_the_runs_tags_is_adopted(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, state: str
) -> None:
    emr.add_cluster("j-OWN", "fruit_features pictures r", state, TAGS)

    assert create.execute(context) == "j-OWN"
    assert emr.calls == []


@pytest.mark.parametrize("state", STARTING_STATES)
def test_a_starting_cluster_with_the_runs_tags_is_adopted_and_waited_for(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, state: str
) -> None:
    emr.add_cluster("j-OWN", "fruit_features pictures r", state, TAGS)

    assert deferral_of(create, context).trigger.cluster_id == "j-OWN"
    assert emr.calls == []


def test_a_published_run_gets_no_cluster(create: CreateClusterOperator, emr: FakeEmr, s3: Any, context: Any) -> None:
    publish_run(s3, "r")

    with pytest.raises(AirflowFailException, match="what is published is never rewritten"):
        create.execute(context)

    assert emr.calls == []


@pytest.mark.parametrize(
    ("name", "state", "tags"),
    [
        ("fruit_features pictures r", "TERMINATING", TAGS),
        ("fruit_features pictures r", "TERMINATED_WITH_ERRORS", TAGS),
        ("fruit_features pictures r", "WAITING", TAGS | {"fruit-features:run": "another run"}),
        ("fruit_features pictures r", "WAITING", TAGS | {"fruit-features:bucket": "another-deployment"}),
        ("fruit_features pictures r", "WAITING", TAGS | {"fruit-features:deployment": "another Airflow"}),
        ("fruit_features pictures r", "WAITING", TAGS | {"fruit-features:dag": "another_dag"}),
        ("fruit_features pictures r", "WAITING", {}),
        ("somebody else's", "WAITING", {}),
    ],
)
def test_a_cluster_that_is_ending_or_not_ours_is_left_alone(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, name: str, state: str, tags: dict[str, str]
) -> None:
    emr.add_cluster("j-OTHER", name, state, tags)

    assert create.execute(context) != "j-OTHER"
    assert emr.calls == ["RunJobFlow"]


def test_the_cluster_has_the_providers_links(create: CreateClusterOperator, context: Any) -> None:
    cluster_id = create.execute(context)

    assert context["ti"].pushed["emr_cluster"]["job_flow_id"] == cluster_id
    assert context["ti"].pushed["emr_logs"]["log_uri"] == "pictures/logs/"


def test_a_cluster_that_ends_during_bootstrap_is_an_error_with_its_reason_and_log(
    create: CreateClusterOperator, emr: FakeEmr, s3: Any, context: Any
) -> None:
    emr.first_cluster_state = "STARTING"
    emr.add_cluster("j-OWN", "fruit_features pictures r", "BOOTSTRAPPING", TAGS)
    log = gzip.compress(b"pip ...\nERROR EnvironmentMismatchError: no Python 3.11\n")
    for number, content in (("1", gzip.compress(b"fine\n")), ("2", log)):
        key = f"logs/j-OWN/node/i-1/bootstrap-actions/{number}/stderr.gz"
        s3.put_object(Bucket="pictures", Key=key, Body=content)
    deferral_of(create, context)
    emr.set_cluster("j-OWN", "TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE", "bootstrap action 2 returned 1")

    with pytest.raises(AirflowFailException) as failure:
        create.execute_complete(context, told_to(create, context, "over", cluster_id="j-OWN"))

    assert "cluster j-OWN ended before it took a step: BOOTSTRAP_FAILURE: bootstrap action 2 returned 1" in str(
        failure.value
    )
    assert "ERROR EnvironmentMismatchError: no Python 3.11" in str(failure.value)
    assert "s3://pictures/logs/j-OWN/node" in str(failure.value)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INTERNAL_ERROR", AirflowException),
        ("INSTANCE_FLEET_TIMEOUT", AirflowException),
        ("VALIDATION_ERROR", AirflowFailException),
        ("ALL_STEPS_COMPLETED", AirflowFailException),
    ],
)
def test_only_what_is_emrs_own_fault_is_retried(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, code: str, error: type
) -> None:
    emr.add_cluster("j-OWN", "fruit_features pictures r", "TERMINATED", TAGS)
    emr.set_cluster("j-OWN", "TERMINATED", code, "why")

    with pytest.raises(AirflowException) as failure:
        create.execute_complete(context, told_to(create, context, "over", cluster_id="j-OWN"))

    assert type(failure.value) is error


def test_a_cluster_that_does_not_come_up_in_time_is_ended(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    emr.add_cluster("j-OWN", "fruit_features pictures r", "STARTING", TAGS)

    with pytest.raises(AirflowFailException, match="still STARTING after 1 h 0 min"):
        create.execute_complete(context, told_to(create, context, "timeout", cluster_id="j-OWN"))

    assert emr.clusters["j-OWN"]["Status"]["State"] == "TERMINATED"


def test_a_cluster_is_ended_when_anything_fails_while_it_is_waited_for(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("the line went down")

    monkeypatch.setattr("emr_pipeline.operators.create_cluster.persist_cluster_links", fail)

    with pytest.raises(ConnectionError):
        create.execute(context)

    assert emr.calls == ["RunJobFlow", "TerminateJobFlows"]


def test_a_killed_task_ends_its_cluster(create: CreateClusterOperator, emr: FakeEmr, context: Any) -> None:
    cluster_id = create.execute(context)

    create.on_kill()

    assert emr.clusters[cluster_id]["Status"]["State"] == "TERMINATED"


def test_a_task_killed_before_it_made_a_cluster_ends_none(create: CreateClusterOperator, emr: FakeEmr) -> None:
    create.on_kill()

    assert emr.calls == []


def test_a_deferred_wait_goes_on_until_the_cluster_is_usable(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emr.first_cluster_state = "STARTING"
    deferral = deferral_of(create, context)
    (cluster_id,) = emr.clusters
    states = iter(["BOOTSTRAPPING", "WAITING"])

    async def tick(_: float) -> None:
        emr.set_cluster(cluster_id, next(states))

    monkeypatch.setattr(asyncio, "sleep", tick)
    (event,) = events_of(deferral.trigger)

    assert create.execute_complete(context, event) == cluster_id
    assert emr.calls == ["RunJobFlow"]


def test_a_user_who_ends_the_deferred_task_ends_the_cluster(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    emr.first_cluster_state = "STARTING"
    deferral = deferral_of(create, context)

    asyncio.run(deferral.trigger.on_kill())

    assert emr.calls == ["RunJobFlow", "TerminateJobFlows"]


def test_a_trigger_that_died_leaves_no_cluster_behind(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    emr.add_cluster("j-OWN", "fruit_features pictures r", "STARTING", TAGS)

    with pytest.raises(TaskDeferralError):
        create.resume_execution("__fail__", {"error": "Trigger failure"}, context)

    assert emr.clusters["j-OWN"]["Status"]["State"] == "TERMINATED"


def test_of_two_own_clusters_the_older_is_adopted_and_the_other_ended(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    emr.add_cluster("j-OLD", "fruit_features pictures r", "WAITING", TAGS)
    emr.add_cluster("j-NEW", "fruit_features pictures r", "WAITING", TAGS)

    assert create.execute(context) == "j-OLD"
    assert emr.clusters["j-NEW"]["Status"]["State"] == "TERMINATED"
    assert emr.clusters["j-OLD"]["Status"]["State"] == "WAITING"


def test_a_request_that_failed_and_made_a_cluster_all_the_same_leaves_none(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = emr.run_job_flow

    def made_and_refused(**request: Any) -> dict[str, Any]:
        make(**request)
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "oops"}}, "RunJobFlow")

    monkeypatch.setattr(emr, "run_job_flow", made_and_refused)

    with pytest.raises(ClientError, match="AccessDenied"):
        create.execute(context)

    assert [cluster["Status"]["State"] for cluster in emr.clusters.values()] == ["TERMINATED"]


def test_a_kill_while_the_request_is_under_way_ends_the_cluster_it_makes(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = emr.run_job_flow

    def killed_meanwhile(**request: Any) -> dict[str, Any]:
        create.on_kill()
        return make(**request)

    monkeypatch.setattr(emr, "run_job_flow", killed_meanwhile)

    with pytest.raises(AirflowFailException, match="ended while it made cluster j-MADE1"):
        create.execute(context)

    assert emr.clusters["j-MADE1"]["Status"]["State"] == "TERMINATED"


def test_a_trigger_that_could_not_ask_emr_is_followed_by_another_with_the_same_deadline(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emr.first_cluster_state = "STARTING"
    first = deferral_of(create, context).trigger
    event = told_to(create, context, "unknown", cluster_id="j-MADE1", started_at=first.started_at)

    with pytest.raises(TaskDeferred) as again:
        create.execute_complete(context, event)

    assert again.value.trigger.deadline == first.deadline
    assert emr.calls == ["RunJobFlow"]


def test_what_another_tasks_trigger_told_is_no_reason_to_take_its_cluster(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    emr.first_cluster_state = "STARTING"
    first = deferral_of(create, context).trigger
    emr.add_cluster("j-OTHERS", "fruit_features pictures another", "WAITING", {})
    event = told_to(create, context, "over", waiting_task="another/run/create_cluster", cluster_id="j-OTHERS")

    with pytest.raises(TaskDeferred) as again:
        create.execute_complete(context, event)

    assert again.value.trigger.cluster_id == first.cluster_id == "j-MADE1"
    assert emr.calls == ["RunJobFlow"]


def test_spot_nodes_are_asked_for_once_when_the_cluster_runs(
    create: CreateClusterOperator, emr: FakeEmr, context: Any
) -> None:
    context["params"]["cluster_size"] = "medium"

    cluster_id = create.execute(context)
    assert create.execute(context) == cluster_id

    assert emr.calls == ["RunJobFlow", "AddInstanceFleet"]
    fleets = emr.list_instance_fleets(ClusterId=cluster_id)["InstanceFleets"]
    assert [(fleet["InstanceFleetType"], fleet.get("TargetSpotCapacity", 0)) for fleet in fleets] == [
        ("MASTER", 0),
        ("CORE", 0),
        ("TASK", 4),
    ]


def test_a_cluster_whose_spot_nodes_are_refused_is_used_without_them(
    create: CreateClusterOperator, emr: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    context["params"]["cluster_size"] = "medium"

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "AddInstanceFleet")

    monkeypatch.setattr(emr, "add_instance_fleet", refuse)

    assert create.execute(context) in emr.clusters
    assert emr.calls == ["RunJobFlow"]
    assert "goes on with the task nodes that it has, if any: EMR gave no more: " in caplog.text
    assert "AccessDeniedException" in caplog.text
