"""Triggers that wait while a task is deferred: for a step to end, for a cluster to be usable or gone, for a pause."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import is_settled
from emr_pipeline.emr.poll_trigger import FieldsTrigger, PollTrigger
from emr_pipeline.emr.wait_messages import progress_text
from emr_pipeline.run.end_forecast import Forecast, Pace, forecast
from emr_pipeline.s3.objects import read_json

STEP_END_STATES = ("COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED")


@dataclass(eq=False, repr=False, kw_only=True)
class StepTrigger(PollTrigger):
    """Trigger that waits for a step to end, and cancels it when a user ends the deferred task.

    It also ends, once, with `late` in its event, when it foresees that the stage or the run will miss its time.
    """

    step_id: str
    stage: str
    progress_uri: str
    add_again_until: float
    # A trigger of an earlier version, which may be waiting when this one is deployed, has none of these.
    former_s: dict[str, float] = field(default_factory=dict)
    wanted_end: float | None = None
    has_warned: bool = False
    late: dict[str, str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._pace = Pace()
        # Made once: making a client takes longer than asking.
        self._s3: Any = None

    async def is_over(self, emr: Any) -> bool:
        response = await emr.describe_step(ClusterId=self.cluster_id, StepId=self.step_id)
        state = response["Step"]["Status"]["State"]
        progress = await asyncio.shield(sync_to_async(self._progress)()) if state == "RUNNING" else None
        foreseen = self._forecast(progress) if state == "RUNNING" else None
        text = progress_text(state, progress)
        self.say(self.stage, f"{text}; {foreseen.text()}" if foreseen else text)
        if foreseen and not self.has_warned:
            self.late = foreseen.lateness(self.stage, self.deadline, self.wanted_end)
        return state in STEP_END_STATES or self.late is not None

    def end(self) -> None:
        cluster_api.cancel_step(self.hook().conn, self.cluster_id, self.step_id)

    def _forecast(self, progress: Any) -> Forecast | None:
        now = time.time()
        return forecast(self.stage, self._pace.left_s(progress, now), now - self.started_at, self.former_s, now)

    def _progress(self) -> Any:
        self._s3 = self._s3 or S3Hook(**self.aws).conn
        return read_json(self._s3, self.progress_uri)


@dataclass(eq=False, repr=False, kw_only=True)
class ClusterTrigger(PollTrigger):
    """Trigger that waits for a cluster to be usable or gone, and ends it when a user ends the deferred task."""

    until_gone: bool

    async def is_over(self, emr: Any) -> bool:
        response = await emr.describe_cluster(ClusterId=self.cluster_id)
        state = response["Cluster"]["Status"]["State"]
        self.say(f"cluster {self.cluster_id}", state)
        return is_settled(state, self.until_gone)

    def end(self) -> None:
        cluster_api.terminate(self.hook().conn, self.cluster_id)


@dataclass(eq=False, repr=False)
class PauseTrigger(FieldsTrigger):
    """Trigger that waits for a duration, which needs no clock, and returns what was seen before.

    A triggerer that is started again waits from the beginning. What was seen travels in the event and not in the
    `kwargs` of a deferral, which `DAG.test` loses.
    """

    pause_s: float
    seen: dict[str, Any]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(self.pause_s)
        yield TriggerEvent(self.seen)
