"""A stage's step is added once, however often its task is tried."""

from typing import Any

import pytest

from emr_pipeline.operators.add_step import AddStepOperator
from emr_pipeline.run.stages import STAGES, Stage
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import keys, latest, make_run, publish_run, put


@pytest.fixture
def cluster(emr: FakeEmr, s3: Any) -> FakeEmr:
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", {})
    return emr


def operator(settings: Any, stage: int = 0, code: str = "v1") -> AddStepOperator:
    return AddStepOperator(
        task_id="add_step",
        settings=settings,
        stage=STAGES[stage],
        job_flow_id="j-1",
        code_uri=f"s3://pictures/code/{code}",
        region_name="us-east-1",
    )


def add(settings: Any, context: Any, stage: int = 0, code: str = "v1") -> str:
    return operator(settings, stage, code).execute(context)


def test_a_step_is_added_and_its_one_id_returned(settings: Any, cluster: FakeEmr, context: Any) -> None:
    step_id = add(settings, context)

    assert list(cluster.steps["j-1"]) == [step_id]
    assert cluster.steps["j-1"][step_id]["Name"] == "ingest_images r"
    assert "s3://pictures/landing" in cluster.steps["j-1"][step_id]["Config"]["Args"]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED"])
def test_a_second_attempt_adopts_the_step_of_the_first(
    settings: Any, cluster: FakeEmr, context: Any, state: str
) -> None:
    step_id = add(settings, context)
    cluster.set_step("j-1", step_id, state)

    assert add(settings, context) == step_id
    assert cluster.calls == ["AddJobFlowSteps"]


@pytest.mark.parametrize("state", ["CANCEL_PENDING", "CANCELLED", "FAILED", "INTERRUPTED"])
def test_a_step_that_did_not_make_it_is_added_anew(settings: Any, cluster: FakeEmr, context: Any, state: str) -> None:
    step_id = add(settings, context)
    cluster.set_step("j-1", step_id, state)

    assert add(settings, context) != step_id


def test_another_stage_run_or_version_of_the_code_is_another_step(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any
) -> None:
    first = add(settings, context)
    complete(s3, STAGES[0])
    ids = [
        first,
        add(settings, context, stage=1),
        add(settings, context, code="v2"),
        add(settings, {**context, "params": {**context["params"], "run": "r2"}}),
        add(settings, {**context, "params": {**context["params"], "sample_limit": 5}}),
    ]

    assert len(set(ids)) == 5


def test_the_newest_step_that_counts_is_adopted(settings: Any, cluster: FakeEmr, context: Any) -> None:
    first = add(settings, context)
    cluster.set_step("j-1", first, "FAILED")
    second = add(settings, context)

    assert add(settings, context) == second


def complete(s3: Any, *stages: Stage) -> None:
    for stage in stages:
        s3.put_object(Bucket="pictures", Key=f"runs/r/stats/{stage.name}.json", Body=b"{}")


def stages_that_count(s3: Any) -> list[str]:
    found = s3.list_objects_v2(Bucket="pictures", Prefix="runs/r/stats/").get("Contents", [])
    return sorted(entry["Key"].rpartition("/")[2] for entry in found)


def test_a_stage_does_not_read_what_the_one_ahead_of_it_left_half_written(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any
) -> None:
    complete(s3, STAGES[0])

    with pytest.raises(AirflowFailException, match=r"stats/featurize_images.json is not there.*Clear the task group"):
        add(settings, context, stage=2)

    assert cluster.calls == []


def test_a_stage_that_is_run_again_outdates_itself_and_those_after_it(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any
) -> None:
    complete(s3, *STAGES)

    add(settings, context, stage=1)

    assert stages_that_count(s3) == ["ingest_images.json"]


def test_a_step_that_is_adopted_outdates_nothing(settings: Any, cluster: FakeEmr, s3: Any, context: Any) -> None:
    step_id = add(settings, context)
    cluster.set_step("j-1", step_id, "COMPLETED")
    complete(s3, STAGES[0])

    add(settings, context)

    assert stages_that_count(s3) == ["ingest_images.json"]


def test_a_killed_task_cancels_the_step_it_added(settings: Any, cluster: FakeEmr, context: Any) -> None:
    task = operator(settings)
    step_id = task.execute(context)

    task.on_kill()

    assert cluster.steps["j-1"][step_id]["Status"]["State"] == "CANCELLED"


def test_a_kill_while_the_request_is_under_way_cancels_the_step_it_adds(
    settings: Any, cluster: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, add_steps = operator(settings), cluster.add_job_flow_steps

    def killed_meanwhile(**request: Any) -> dict[str, Any]:
        task.on_kill()
        return add_steps(**request)

    monkeypatch.setattr(cluster, "add_job_flow_steps", killed_meanwhile)

    with pytest.raises(AirflowFailException, match="ended while it added step s-ADDED1"):
        task.execute(context)

    assert [step["Status"]["State"] for step in cluster.steps["j-1"].values()] == ["CANCELLED"]


@pytest.mark.parametrize("others_after_it", [0, 1])
def test_no_stage_of_a_published_run_is_run_again(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any, others_after_it: int
) -> None:
    snapshot = publish_run(s3, "r")
    for number in range(others_after_it):
        publish_run(s3, f"other-{number}", number + 1)
    before = latest(s3), keys(s3, "")

    with pytest.raises(AirflowFailException, match=f"{snapshot['snapshot']}.*never rewritten.*new run.*force"):
        add(settings, context, stage=1)

    assert cluster.calls == []
    assert (latest(s3), keys(s3, "")) == before


def test_a_name_whose_published_run_was_removed_may_be_used_again(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any
) -> None:
    removed = publish_run(s3, "r")
    publish_run(s3, "other", 1)
    marks = {"removed_at": "2026-11-21T00:00:00Z", "removed_objects": 8}
    put(s3, f"published/{removed['snapshot']}.json", removed | marks)

    add(settings, context)

    assert cluster.calls == ["AddJobFlowSteps"]


def test_a_run_that_failed_before_it_was_published_may_repeat_a_stage(
    settings: Any, cluster: FakeEmr, s3: Any, context: Any
) -> None:
    publish_run(s3, "other")
    make_run(s3, "r")

    add(settings, context, stage=1)

    assert cluster.calls == ["AddJobFlowSteps"]
