"""Base of the triggers that look at EMR while a task is deferred, until a wait is over or its time is.

The provider's own triggers lose the region up to 9.34, give up after a number of polls, and take a cluster that ended
during bootstrap for a usable one. These poll until a deadline that a restart of the triggerer does not move. Their
event only says that it is time to look: the operator looks for itself.
"""

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, fields
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr.wait_messages import waiting_text

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


@dataclass(eq=False, repr=False)
class FieldsTrigger(BaseTrigger):
    """Trigger that is a dataclass: its fields are what Airflow stores of it."""

    def __post_init__(self) -> None:
        super().__init__()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return f"{type(self).__module__}.{type(self).__qualname__}", values


@dataclass(eq=False, repr=False, kw_only=True)
class PollTrigger(FieldsTrigger):
    """Trigger that looks at EMR every `poll_s` until the wait is over, or until `deadline` (seconds since the epoch).

    `waiting_task` is the name of the task that it looks for (`deferral.task_name`). Its event holds every field.
    """

    waiting_task: str
    cluster_id: str
    aws: dict[str, Any]
    poll_s: float
    started_at: float
    deadline: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last_said = ""
        self._has_reported = False

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            status = "over" if await self._is_over_in_time() else "timeout"
        except (BotoCoreError, ClientError) as error:
            # The operator asks for itself: then the wait goes on, or the task fails with EMR's own words.
            self.log.warning("EMR could not be asked: %s", error)
            status = "unknown"
        self._has_reported = True
        yield TriggerEvent({"status": status} | self.serialize()[1])

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
        await undisturbed(sync_to_async(self.end)())

    async def _end_unless_deferred(self) -> None:
        if not await sync_to_async(self._is_still_deferred)():
            await sync_to_async(self.end)()

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
    def end(self) -> None:
        """End what is waited for."""

    @abstractmethod
    async def is_over(self, emr: Any) -> bool:
        """Return whether the wait is over, however it ended."""
