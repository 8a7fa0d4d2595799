"""What a trigger does when it is stopped, on an Airflow with BaseTrigger.on_kill and on one without."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers.base import BaseTrigger
from botocore.exceptions import ClientError

from emr_pipeline.emr.triggers import ClusterTrigger, StepTrigger
from tests.plugins.deferral import events_of
from tests.plugins.fake_emr import FakeEmr

TASK = "fruit_features/r/ingest_images.wait_for_step"
AWS = {"aws_conn_id": "aws_default", "region_name": "us-east-1", "verify": None, "config": None}


@pytest.fixture
def trigger(emr: FakeEmr, s3: Any) -> StepTrigger:
    emr.add_cluster("j-1", "c", "RUNNING", {})
    emr.steps["j-1"]["s-1"] = {"Id": "s-1", "Status": {"State": "RUNNING"}}
    now = time.time()
    return StepTrigger(
        waiting_task=TASK,
        cluster_id="j-1",
        step_id="s-1",
        stage="ingest_images",
        progress_uri="s3://pictures/runs/r/progress/ingest_images.json",
        add_again_until=0.0,
        aws=AWS,
        poll_s=1,
        started_at=now,
        deadline=now + 100,
    )


def stop(trigger: Any, task_state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow 3.0 does: cancel, then clean up, whatever the reason."""
    monkeypatch.delattr(BaseTrigger, "on_kill", raising=False)
    task = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    monkeypatch.setattr(type(trigger), "task_instance", property(lambda _: task, lambda *_: None), raising=False)
    monkeypatch.setattr(
        "emr_pipeline.emr.poll_trigger.RuntimeTaskInstance.get_task_states", lambda **_: {"r": {"t": task_state}}
    )
    asyncio.run(trigger.cleanup())


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "queued", "removed"])
def test_a_task_that_a_user_ended_takes_its_step_along(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    stop(trigger, state, monkeypatch)

    assert emr.calls == ["CancelSteps"]


def test_a_trigger_that_is_cancelled_once_more_while_it_cleans_up_asks_to_the_end_and_cancels_its_step(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow 3.0 does; of a question to Airflow whose answer nobody reads its triggerer would die."""
    monkeypatch.delattr(BaseTrigger, "on_kill", raising=False)
    asked, answer = threading.Event(), threading.Event()

    def is_still_deferred() -> bool:
        asked.set()
        assert answer.wait(10)
        return False

    monkeypatch.setattr(trigger, "_is_still_deferred", is_still_deferred)

    async def clean_up_and_cancel() -> None:
        cleaning = asyncio.create_task(trigger.cleanup())
        await asyncio.to_thread(asked.wait, 10)
        for _ in range(3):
            cleaning.cancel()
            await asyncio.sleep(0.01)
        assert cleaning.cancelled()
        answer.set()
        while asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0.01)

    asyncio.run(clean_up_and_cancel())

    assert emr.calls == ["CancelSteps"]


def test_a_restart_of_the_triggerer_cancels_nothing(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(trigger, "deferred", monkeypatch)

    assert emr.calls == []


def test_a_trigger_that_has_told_what_it_saw_cancels_nothing(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    emr.set_step("j-1", "s-1", "COMPLETED")
    events_of(trigger)
    stop(trigger, "scheduled", monkeypatch)

    assert emr.calls == []


def test_where_airflow_has_on_kill_it_alone_decides(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseTrigger, "on_kill", lambda self: None, raising=False)

    asyncio.run(trigger.cleanup())

    assert emr.calls == []


@pytest.mark.parametrize(
    ("until_gone", "state", "is_over"),
    [
        (False, "STARTING", False),
        (False, "BOOTSTRAPPING", False),
        (False, "RUNNING", True),
        (False, "WAITING", True),
        (False, "TERMINATING", True),
        (False, "TERMINATED", True),
        (False, "TERMINATED_WITH_ERRORS", True),
        (True, "WAITING", False),
        (True, "TERMINATING", False),
        (True, "TERMINATED", True),
        (True, "TERMINATED_WITH_ERRORS", True),
    ],
)
def test_a_cluster_is_waited_for_as_long_as_waiting_can_change_anything(
    emr: FakeEmr, until_gone: bool, state: str, is_over: bool
) -> None:
    emr.add_cluster("j-1", "c", state, {})
    trigger = ClusterTrigger(
        waiting_task=TASK, cluster_id="j-1", until_gone=until_gone, aws=AWS, poll_s=0, started_at=0, deadline=0
    )

    (event,) = events_of(trigger)

    assert event["status"] == ("over" if is_over else "timeout")
    assert event["cluster_id"] == "j-1"


def fail_with(code: str) -> Any:
    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "told by a test"}}, "AnyOperation")

    return refused


def test_a_trigger_that_cannot_ask_emr_says_that_it_does_not_know(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emr, "describe_step", fail_with("ExpiredTokenException"))

    (event,) = events_of(trigger)

    assert event == {"status": "unknown"} | trigger.serialize()[1]
    assert (event["waiting_task"], event["step_id"], event["add_again_until"]) == (TASK, "s-1", 0.0)


def test_a_step_that_went_with_its_cluster_needs_no_cancelling(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emr, "cancel_steps", fail_with("InvalidRequestException"))

    asyncio.run(trigger.on_kill())


def test_a_cancelling_that_emr_throttles_is_an_error(
    trigger: StepTrigger, emr: FakeEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emr, "cancel_steps", fail_with("ThrottlingException"))

    with pytest.raises(ClientError):
        asyncio.run(trigger.on_kill())
