"""A wait that is tried again or cleared: it goes on with a step that goes on, and adds one that was ended anew."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from emr_pipeline.operators.wait_for_step import WaitForStepSensor
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of
from tests.plugins.fake_emr import FakeEmr


def finish_ingest(s3: Any) -> None:
    s3.put_object(Bucket="pictures", Key="runs/r/stats/ingest_images.json", Body=b"{}")


def events_of_ended(trigger: Any, emr: FakeEmr) -> list[Any]:
    emr.set_step("j-1", trigger.step_id, "COMPLETED")
    return events_of(trigger)


def test_a_wait_that_is_cleared_alone_adds_the_step_to_the_new_cluster_itself(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any
) -> None:
    finish_ingest(s3)
    sensor.step_id = "s-OF-AN-EARLIER-CLUSTER"

    trigger = deferral_of(sensor, context).trigger

    assert step.calls == ["AddJobFlowSteps"]
    added = step.steps["j-1"][trigger.step_id]
    assert added["Name"] == "featurize_images r"
    assert "s3://pictures/code/1/featurize_images.py" in added["Config"]["Args"]


@pytest.mark.parametrize("state", ["CANCELLED", "FAILED", "INTERRUPTED"])
def test_a_wait_that_is_cleared_alone_adds_the_step_again_if_it_ended_badly(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any, state: str
) -> None:
    finish_ingest(s3)
    step.set_step("j-1", "s-1", state)
    context["ti"].try_number, context["ti"].max_tries = 2, 3

    trigger = deferral_of(sensor, context).trigger

    assert step.calls == ["AddJobFlowSteps"]
    assert trigger.step_id != "s-1"
    (event,) = events_of_ended(trigger, step)
    sensor.step_id = "s-1"
    sensor.execute_complete(context, event)
    assert sensor.step_id == trigger.step_id


@pytest.mark.parametrize(("try_number", "max_tries"), [(2, 2), (5, 5)])
def test_a_wait_that_airflow_tries_again_by_itself_reports_the_failed_step_and_does_not_pay_for_another(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, try_number: int, max_tries: int
) -> None:
    step.set_step("j-1", "s-1", "FAILED")
    context["ti"].try_number, context["ti"].max_tries = try_number, max_tries

    with pytest.raises(AirflowFailException, match="step s-1 on cluster j-1 is FAILED"):
        sensor.execute(context)

    assert step.calls == []


def test_a_wait_that_is_tried_again_goes_on_with_a_step_that_goes_on(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    context["ti"].try_number = 2

    assert deferral_of(sensor, context).trigger.step_id == "s-1"
    assert step.calls == []


def cancelled_while_waited_for(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, step_id: str, after_s: float, emr_ahead_s: float = 0.0
) -> dict[str, Any]:
    """What the trigger tells of a step that EMR took ten minutes before the wait, and that is cancelled meanwhile."""
    emr_now = datetime.now(UTC) + timedelta(seconds=emr_ahead_s)
    timeline = {"CreationDateTime": emr_now - timedelta(minutes=10)}
    step.set_step("j-1", step_id, "RUNNING", Timeline=timeline)
    trigger = deferral_of(sensor, context).trigger
    ended = timeline | {"EndDateTime": emr_now + timedelta(seconds=after_s)}
    step.set_step("j-1", step_id, "CANCELLED", Timeline=ended)
    (event,) = events_of(trigger)
    return event


def put_ahead(step: FakeEmr, ahead_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """EMR's clock, of Airflow's."""
    describe = step.describe_step

    def described(**request: Any) -> dict[str, Any]:
        emr_now = datetime.now(UTC) + timedelta(seconds=ahead_s)
        return describe(**request) | {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(emr_now)}}}

    monkeypatch.setattr(step, "describe_step", described)


def test_a_step_of_an_earlier_attempt_that_airflow_cancels_once_this_one_waits_for_it_is_added_anew(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_ingest(s3)
    put_ahead(step, 3600, monkeypatch)
    context["ti"].try_number = 2
    event = cancelled_while_waited_for(sensor, step, context, "s-1", after_s=3, emr_ahead_s=3600)

    with pytest.raises(TaskDeferred) as again:
        sensor.execute_complete(context, event)

    trigger = again.value.trigger
    assert step.calls == ["AddJobFlowSteps"]
    assert trigger.step_id == sensor.step_id != "s-1"
    # A new step has the stage's whole time.
    assert trigger.deadline - time.time() == pytest.approx(6 * 3600, abs=5)


def test_a_step_that_was_added_anew_and_is_cancelled_is_not_added_once_more(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any
) -> None:
    finish_ingest(s3)
    context["ti"].try_number = 2
    with pytest.raises(TaskDeferred) as again:
        sensor.execute_complete(context, cancelled_while_waited_for(sensor, step, context, "s-1", after_s=3))
    step.set_step("j-1", again.value.trigger.step_id, "CANCELLED")
    (event,) = events_of(again.value.trigger)

    with pytest.raises(AirflowFailException, match="is CANCELLED"):
        sensor.execute_complete(context, event)

    assert step.calls == ["AddJobFlowSteps"]


@pytest.mark.parametrize(("try_number", "after_s"), [(1, 3), (2, 1200)])
def test_a_step_that_somebody_cancels_is_not_added_anew(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, try_number: int, after_s: float
) -> None:
    context["ti"].try_number = try_number
    event = cancelled_while_waited_for(sensor, step, context, "s-1", after_s)

    with pytest.raises(AirflowFailException, match="is CANCELLED"):
        sensor.execute_complete(context, event)

    assert step.calls == []


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
def test_a_retry_of_the_wait_does_not_make_the_stages_time_longer_whatever_emrs_clock_says(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, ahead_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    emr_now = datetime.now(UTC) + timedelta(seconds=ahead_s)
    step.set_step("j-1", "s-1", "RUNNING", Timeline={"CreationDateTime": emr_now - timedelta(hours=5)})
    put_ahead(step, ahead_s, monkeypatch)

    trigger = deferral_of(sensor, context).trigger

    assert trigger.deadline - time.time() == pytest.approx(3600, abs=5)
