"""A stage's step is added once, however often its task is tried."""

from typing import Any

import pytest

from emr_pipeline.operators import AddStageStepOperator
from emr_pipeline.stages import STAGES
from tests.plugins.fake_emr import FakeEmr


@pytest.fixture
def cluster(emr: FakeEmr) -> FakeEmr:
    emr.add_cluster("j-1", "fruit_features r", "WAITING", {})
    return emr


def add(settings: Any, context: Any, stage: int = 0, code: str = "v1") -> str:
    operator = AddStageStepOperator(
        task_id="add_step",
        settings=settings,
        stage=STAGES[stage],
        job_flow_id="j-1",
        code_uri=f"s3://pictures/code/{code}",
        region_name="us-east-1",
    )
    return operator.execute(context)


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
    settings: Any, cluster: FakeEmr, context: Any
) -> None:
    ids = [
        add(settings, context),
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
