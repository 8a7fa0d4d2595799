"""Triggers that wait while a task is deferred: for a step to end, for a cluster to be usable or gone.

The provider's own triggers lose the region up to 9.34, give up after a number of polls, and take a cluster that ended
during bootstrap for a usable one. These poll until a deadline that a restart of the triggerer does not move. Their
event only says that it is time to look: the operator looks for itself.
"""

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr.cancel_step import cancel_request, is_gone
from emr_pipeline.emr.cluster_states import is_settled
from emr_pipeline.emr.wait_messages import progress_text, waiting_text
from emr_pipeline.s3.objects import read_json

STEP_END_STATES = ("COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED")

_under_way: set[asyncio.Task[None]] = set()


async def undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do this work to its end, even if whoever waits for it is cancelled meanwhile.

    Airflow 3.0 cancels a trigger again and again until it is gone. If it interrupts a request to Airflow, the answer
    goes to the next one that asks, and the whole triggerer dies; and a step would run on.
    """
    task = asyncio.ensure_future(work)
    # The loop itself holds a task only weakly.
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    await asyncio.shield(task)


class PollTrigger(BaseTrigger):
    """Trigger that looks at EMR every `poll_s` until the wait is over, or until `deadline` (seconds since the epoch).

    `waiting_task` is the name of the task that it looks for (`deferral.task_name`).
    """

    fields: tuple[str, ...] = ("waiting_task", "cluster_id", "aws", "poll_s", "started_at", "deadline")
    """Names of the constructor's arguments."""
    event_fields: tuple[str, ...] = ("waiting_task", "cluster_id", "started_at")
    """Names of the arguments that its event returns."""

    def __init__(
        self,
        waiting_task: str,
        cluster_id: str,
        aws: dict[str, Any],
        poll_s: float,
        started_at: float,
        deadline: float,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.waiting_task = waiting_task
        self.cluster_id = cluster_id
        self.aws = aws
        self.poll_s = poll_s
        self.started_at = started_at
        self.deadline = deadline
        self._last_said = ""
        self._has_reported = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in self.fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            status = "over" if await self._is_over_in_time() else "timeout"
        except (BotoCoreError, ClientError) as error:
            # The operator asks for itself: then the wait goes on, or the task fails with EMR's own words.
            self.log.warning("EMR could not be asked: %s", error)
            status = "unknown"
        self._has_reported = True
        yield TriggerEvent({"status": status} | {name: getattr(self, name) for name in self.event_fields})

    async def _is_over_in_time(self) -> bool:
        # Shielded: Airflow 3.0's triggerer dies of a trigger that is cancelled while it waits for its connection.
        async with await asyncio.shield(self.hook().get_async_conn()) as emr:
            while True:
                # The pause comes first, because the operator has just looked. A task that is deferred and goes on at
                # once, before the scheduler knows of the first, is taken for lost (in LocalExecutor up to 3.3).
                await asyncio.sleep(self.poll_s)
                is_over = await self.is_over(emr)
                if is_over or time.time() >= self.deadline:
                    return is_over

    async def cleanup(self) -> None:
        """End what a user ended, on an Airflow that has no BaseTrigger.on_kill yet (3.0 has not).

        Such an Airflow calls this whenever a trigger stops, also when the triggerer restarts: then the task is still
        deferred, and nothing may be ended.
        """
        if not hasattr(BaseTrigger, "on_kill") and not self._has_reported:
            await undisturbed(self._end_unless_deferred())

    async def on_kill(self) -> None:
        """End what is waited for: a user marked the deferred task failed or successful, or cleared it."""
        await undisturbed(self.end())

    async def _end_unless_deferred(self) -> None:
        if not await sync_to_async(self._is_still_deferred)():
            await self.end()

    def _is_still_deferred(self) -> bool:
        task: Any = self.task_instance
        states = RuntimeTaskInstance.get_task_states(
            dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
        )
        return bool(states.get(task.run_id, {}).get(task.task_id) == "deferred")

    def hook(self) -> EmrHook:
        return EmrHook(emr_conn_id=None, **self.aws)

    def say(self, name: str, what: str) -> None:
        """Log what is new, and nothing while nothing is new: a line for each poll would fill the log."""
        if what != self._last_said:
            self._last_said = what
            limit_s = self.deadline - self.started_at
            self.log.info("%s", waiting_text(name, what, time.time() - self.started_at, limit_s))

    @abstractmethod
    async def end(self) -> None:
        """End what is waited for."""

    @abstractmethod
    async def is_over(self, emr: Any) -> bool:
        """Return whether the wait is over, however it ended."""


class StepTrigger(PollTrigger):
    """Trigger that waits for a step to end, and cancels it when a user ends the deferred task."""

    fields = (*PollTrigger.fields, "step_id", "stage", "progress_uri", "add_again_until")
    event_fields = (*PollTrigger.event_fields, "step_id", "add_again_until")

    def __init__(self, step_id: str, stage: str, progress_uri: str, add_again_until: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.step_id = step_id
        self.stage = stage
        self.progress_uri = progress_uri
        self.add_again_until = add_again_until
        # Made once: making a client takes longer than asking.
        self._s3: Any = None

    async def is_over(self, emr: Any) -> bool:
        response = await emr.describe_step(ClusterId=self.cluster_id, StepId=self.step_id)
        state = response["Step"]["Status"]["State"]
        progress = await asyncio.shield(sync_to_async(self._progress)()) if state == "RUNNING" else None
        self.say(self.stage, progress_text(state, progress))
        return state in STEP_END_STATES

    async def end(self) -> None:
        async with await self.hook().get_async_conn() as emr:
            try:
                await emr.cancel_steps(**cancel_request(self.cluster_id, self.step_id))
            except ClientError as error:
                if not is_gone(error):
                    raise
                self.log.info("Step %s is over with its cluster %s: %s", self.step_id, self.cluster_id, error)
                return
        self.log.info("Cancelled step %s of %s: the task that waited for it was ended", self.step_id, self.cluster_id)

    def _progress(self) -> Any:
        self._s3 = self._s3 or S3Hook(**self.aws).conn
        return read_json(self._s3, self.progress_uri)


class ClusterTrigger(PollTrigger):
    """Trigger that waits for a cluster to be usable or gone, and ends it when a user ends the deferred task."""

    fields = (*PollTrigger.fields, "until_gone")

    def __init__(self, until_gone: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self.until_gone = until_gone

    async def is_over(self, emr: Any) -> bool:
        response = await emr.describe_cluster(ClusterId=self.cluster_id)
        state = response["Cluster"]["Status"]["State"]
        self.say(f"cluster {self.cluster_id}", state)
        return is_settled(state, self.until_gone)

    async def end(self) -> None:
        async with await self.hook().get_async_conn() as emr:
            await emr.terminate_job_flows(JobFlowIds=[self.cluster_id])
        self.log.info("Terminated cluster %s: the task that waited for it was ended", self.cluster_id)


class SecondLookTrigger(BaseTrigger):
    """Trigger that waits until a moment, which a restart of the triggerer does not move, and returns the suspects."""

    def __init__(self, suspects: list[str], moment: float) -> None:
        super().__init__()
        self.suspects = suspects
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"suspects": self.suspects, "moment": self.moment}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(max(0.0, self.moment - time.time()))
        yield TriggerEvent({"suspects": self.suspects})
