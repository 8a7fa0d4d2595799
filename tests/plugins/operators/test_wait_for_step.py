"""The gate after a stage: patient to its limit, exact about failure, and never leaving a step behind."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emr_pipeline.operators.wait_for_step import WaitForStepSensor
from emr_pipeline.run.stages import STAGES
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSensorTimeout
from tests.plugins.deferral import TaskDeferred, deferral_of, events_of, told_to
from tests.plugins.fake_emr import FakeEmr, finished

LOGS = "logs/j-1/steps/s-1"
FEATURIZE = STAGES[1]


def ship(s3: Any, name: str, text: str) -> None:
    s3.put_object(Bucket="pictures", Key=f"{LOGS}/{name}.gz", Body=gzip.compress(text.encode()))


def test_a_completed_step_lets_the_run_go_on_at_once(sensor: WaitForStepSensor, step: FakeEmr, context: Any) -> None:
    step.set_step("j-1", "s-1", "COMPLETED")

    sensor.execute(context)

    assert step.calls == []


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "CANCEL_PENDING"])
def test_a_step_that_goes_on_is_waited_for_deferred(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, state: str
) -> None:
    step.set_step("j-1", "s-1", state)

    deferral = deferral_of(sensor, context)

    assert deferral.method_name == "execute_complete"
    limit_s = sensor.settings.time_limit_s("featurize_images")
    assert deferral.trigger.deadline - deferral.trigger.started_at == limit_s
    # Airflow's own timeout comes after ours, or nobody would cancel the step.
    assert deferral.timeout > timedelta(seconds=limit_s)


def test_the_trigger_reaches_aws_as_the_task_does(sensor: WaitForStepSensor, context: Any) -> None:
    trigger = deferral_of(sensor, context).trigger

    assert trigger.aws == {
        "aws_conn_id": "aws_default",
        "region_name": "us-east-1",
        "verify": None,
        "config": {"retries": {"mode": "standard"}},
    }


def test_the_trigger_waits_far_longer_than_sixty_polls_and_says_how_far_the_stage_is(
    sensor: WaitForStepSensor,
    step: FakeEmr,
    s3: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trigger = deferral_of(sensor, context).trigger
    polls = 0

    async def tick(_: float) -> None:
        nonlocal polls
        polls += 1
        done = {"stage": "featurize_images", "state": "running", "done": polls // 100, "total": 5, "unit": "images"}
        s3.put_object(Bucket="pictures", Key="runs/r/progress/featurize_images.json", Body=json.dumps(done).encode())
        if polls == 500:
            step.set_step("j-1", "s-1", "COMPLETED")

    monkeypatch.setattr(asyncio, "sleep", tick)
    said: list[str] = []
    monkeypatch.setattr(type(trigger), "say", lambda self, name, what: said.append(f"{name}: {what}"))
    (event,) = events_of(trigger)

    assert event["status"] == "over"
    assert polls == 500
    assert said[0] == "featurize_images: RUNNING, 0 of 5 images"
    assert said[250] == "featurize_images: RUNNING, 2 of 5 images"
    assert said[-1] == "featurize_images: COMPLETED"


def test_the_trigger_says_only_what_is_new(sensor: WaitForStepSensor, context: Any) -> None:
    trigger = deferral_of(sensor, context).trigger
    lines: list[str] = []
    trigger._log = type("Log", (), {"info": lambda self, form, line: lines.append(line)})()

    for what in ("PENDING", "PENDING", "RUNNING", "RUNNING", "RUNNING, 1 of 2 images"):
        trigger.say("featurize_images", what)

    assert [line.partition(";")[0] for line in lines] == [
        "featurize_images: PENDING",
        "featurize_images: RUNNING",
        "featurize_images: RUNNING, 1 of 2 images",
    ]


def test_the_trigger_gives_up_at_its_deadline_even_after_a_restart(sensor: WaitForStepSensor, context: Any) -> None:
    trigger = deferral_of(sensor, context).trigger
    trigger.deadline = trigger.started_at
    path, arguments = trigger.serialize()

    (event,) = events_of(type(trigger)(**arguments))

    assert path == "emr_pipeline.emr.triggers.StepTrigger"
    assert event["status"] == "timeout"


def resume(sensor: WaitForStepSensor, context: Any, status: str) -> Any:
    return sensor.resume_execution("execute_complete", {"event": told(sensor, context, status)}, context)


def told(sensor: WaitForStepSensor, context: Any, status: str, started_at: float = 0.0) -> dict[str, Any]:
    return told_to(sensor, context, status, step_id="s-1", started_at=started_at, add_again_until=0.0)


def test_a_step_over_its_time_is_cancelled_once_and_the_message_names_the_setting(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    with pytest.raises(AirflowSensorTimeout) as timeout:
        resume(sensor, context, "timeout")

    assert step.calls == ["CancelSteps"]
    assert step.steps["j-1"]["s-1"]["Status"]["State"] == "CANCELLED"
    assert "step s-1 did not end within 6 h 0 min, so it was cancelled" in str(timeout.value)
    assert "FRUIT_FEATURES_FEATURIZE_IMAGES_TIME_LIMIT_S" in str(timeout.value)


def test_a_step_is_cancelled_when_no_triggerer_looked_in_time(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, context)

    assert step.calls == ["CancelSteps"]


def test_a_step_that_completed_just_in_time_is_not_cancelled(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    step.set_step("j-1", "s-1", "COMPLETED")

    resume(sensor, context, "timeout")

    assert step.calls == []


def test_a_killed_wait_cancels_its_step(sensor: WaitForStepSensor, step: FakeEmr) -> None:
    sensor.on_kill()

    assert step.calls == ["CancelSteps"]


def test_a_user_who_ends_the_deferred_wait_cancels_the_step(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    asyncio.run(deferral_of(sensor, context).trigger.on_kill())

    assert step.calls == ["CancelSteps"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "INTERRUPTED"])
def test_a_failed_step_is_told_by_its_own_last_words(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any, state: str
) -> None:
    step.set_step("j-1", "s-1", finished(state)["State"], FailureDetails={"Reason": "Unknown Error."})
    ship(s3, "stderr", "\n".join(f"jvm {number}" for number in range(100)))
    ship(s3, "stdout", "loading\nERROR WeightsError: s3://w.h5 does not fit vgg16; give its own\n")

    with pytest.raises(AirflowFailException) as failure:
        resume(sensor, context, "over")

    lines = str(failure.value).splitlines()
    assert lines[0] == (
        f"featurize_images: step s-1 on cluster j-1 is {state}: "
        "WeightsError: s3://w.h5 does not fit vgg16; give its own"
    )
    assert lines[1] == "stderr ends:"
    assert lines[2:42] == [f"jvm {number}" for number in range(60, 100)]
    assert lines[42:] == [
        "stdout ends:",
        "loading",
        "ERROR WeightsError: s3://w.h5 does not fit vgg16; give its own",
        "logs: s3://pictures/logs/j-1/steps/s-1/",
    ]


def test_without_words_of_its_own_a_failed_step_is_told_by_emrs(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    step.set_step("j-1", "s-1", "FAILED", FailureDetails={"Reason": "Out of memory.", "Message": "exit code 137"})

    with pytest.raises(AirflowFailException) as failure:
        sensor.execute(context)

    assert str(failure.value).splitlines() == [
        "featurize_images: step s-1 on cluster j-1 is FAILED: Out of memory.; exit code 137",
        "EMR has shipped no log of it",
        "logs: s3://pictures/logs/j-1/steps/s-1/",
    ]


def test_a_step_whose_cluster_went_under_it_says_so(sensor: WaitForStepSensor, step: FakeEmr, context: Any) -> None:
    step.set_step("j-1", "s-1", "CANCELLED")
    step.set_cluster("j-1", "TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE", "All CORE instances were lost")

    with pytest.raises(AirflowFailException, match="TERMINATED_WITH_ERRORS: INSTANCE_FAILURE: All CORE instances"):
        sensor.execute(context)


@pytest.mark.slow
def test_a_log_from_before_the_end_is_not_taken_while_a_newer_one_may_come(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_at = datetime.now(UTC) + timedelta(seconds=2)
    status = finished("FAILED")
    status["Timeline"]["EndDateTime"] = ended_at
    step.set_step("j-1", "s-1", **{key.replace("State", "state"): value for key, value in status.items()})
    object.__setattr__(sensor.settings, "log_wait_s", 20)
    ship(s3, "stderr", "half way\n")
    ship(s3, "stdout", "half way\n")

    def ship_the_end() -> None:
        ship(s3, "stderr", "half way\nthe end\n")
        ship(s3, "stdout", "half way\nERROR DiskFullError: no space\n")

    sleep = __import__("time").sleep
    polls = iter([lambda: None, lambda: None, ship_the_end])
    monkeypatch.setattr("emr_pipeline.emr.step_logs.time.sleep", lambda _: (sleep(1.1), next(polls, lambda: None)()))

    with pytest.raises(AirflowFailException, match="DiskFullError: no space"):
        sensor.execute(context)


def test_a_log_that_is_cut_off_gives_what_is_there(
    sensor: WaitForStepSensor, step: FakeEmr, s3: Any, context: Any
) -> None:
    step.set_step("j-1", "s-1", "FAILED")
    whole = gzip.compress(b"\n".join(b"line %d" % number for number in range(20_000)))
    s3.put_object(Bucket="pictures", Key=f"{LOGS}/stdout.gz", Body=whole[: len(whole) // 2])

    with pytest.raises(AirflowFailException, match="line 9"):
        sensor.execute(context)


def test_the_task_links_to_the_report_and_the_data_whether_or_not_the_step_is_well(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    step.set_step("j-1", "s-1", "FAILED")

    with pytest.raises(AirflowFailException):
        sensor.execute(context)

    assert {"fruit_features_report", "fruit_features_run_folder", "emr_cluster", "emr_logs"} <= set(
        context["ti"].pushed
    )


def test_a_trigger_that_could_not_ask_is_followed_by_another_with_the_same_deadline(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    first = deferral_of(sensor, context).trigger

    with pytest.raises(TaskDeferred) as again:
        sensor.execute_complete(context, told(sensor, context, "unknown", first.started_at))

    assert again.value.trigger.deadline == first.deadline
    assert step.calls == []


def test_killing_the_task_of_a_step_whose_cluster_is_gone_is_no_error(
    sensor: WaitForStepSensor, step: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidRequestException", "Message": "gone"}}, "CancelSteps")

    monkeypatch.setattr(step, "cancel_steps", refused)

    sensor.on_kill()


@pytest.mark.parametrize(
    "event", [{"suspects": []}, {"waiting_task": "another/run/wait_for_step", "status": "over"}, None]
)
def test_that_another_step_is_over_says_nothing_of_the_stages_own(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, event: Any
) -> None:
    step.steps["j-1"]["s-OTHERS"] = {"Id": "s-OTHERS", "Status": {"State": "COMPLETED"}}

    with pytest.raises(TaskDeferred) as again:
        sensor.execute_complete(context, event and event | {"cluster_id": "j-1", "step_id": "s-OTHERS"})

    assert again.value.trigger.step_id == "s-1"
    assert step.calls == []


def test_task_nodes_are_given_back_when_the_vectors_are_computed(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    step.add_instance_fleet(ClusterId="j-1", InstanceFleet={"InstanceFleetType": "TASK", "TargetSpotCapacity": 4})
    step.set_step("j-1", "s-1", "COMPLETED")

    resume(sensor, context, "over")

    (fleet,) = step.list_instance_fleets(ClusterId="j-1")["InstanceFleets"]
    assert (fleet["TargetSpotCapacity"], fleet["TargetOnDemandCapacity"]) == (0, 0)


def test_task_nodes_of_a_cluster_that_emr_scales_are_left_to_emr(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any
) -> None:
    context["params"]["cluster_size"] = "auto"
    step.add_instance_fleet(ClusterId="j-1", InstanceFleet={"InstanceFleetType": "TASK", "TargetSpotCapacity": 4})
    step.set_step("j-1", "s-1", "COMPLETED")

    resume(sensor, context, "over")

    (fleet,) = step.list_instance_fleets(ClusterId="j-1")["InstanceFleets"]
    assert fleet["TargetSpotCapacity"] == 4


def test_task_nodes_that_cannot_be_given_back_fail_nothing(
    sensor: WaitForStepSensor, step: FakeEmr, context: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    step.add_instance_fleet(ClusterId="j-1", InstanceFleet={"InstanceFleetType": "TASK", "TargetSpotCapacity": 4})
    step.set_step("j-1", "s-1", "COMPLETED")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ModifyInstanceFleet")

    monkeypatch.setattr(step, "modify_instance_fleet", refuse)
    resume(sensor, context, "over")

    assert "The task nodes of j-1 stay until it ends" in caplog.text
