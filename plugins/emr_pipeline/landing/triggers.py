"""Trigger that waits for messages of the queue that S3 writes to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr.poll_trigger import FieldsTrigger
from emr_pipeline.settings import BOTOCORE_RETRIES

MESSAGES_AT_ONCE = 10
"""The largest number of messages that SQS gives in one answer."""
LONG_POLL_S = 20
"""The longest time for which SQS lets a request wait for a message."""
TAKERS = 8
QUIET_S = 5
"""A burst is over when no message has come for this time."""
TROUBLE_PAUSE_S = 60


@dataclass(eq=False, repr=False)
class QueueTrigger(FieldsTrigger, BaseEventTrigger):
    """Trigger that takes and deletes every message of the queue, with one event for each burst of any size.

    The messages only say that it is time to look. So none of them is read, a message that comes twice or late changes
    nothing, and the DAG's schedule makes up for one that is lost.
    """

    # Plain values only: Airflow 3.0 returns a dictionary of a watcher's trigger in its own wrapping.
    queue_url: str
    pause_s: float
    """The pause after an event: what comes meanwhile waits in the queue for the next event."""
    aws_conn_id: str
    region_name: str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._taken = 0

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each burst, without end: a person would have to notice a trigger that gave up."""
        while True:
            try:
                await self._take_burst()
            except (BotoCoreError, ClientError) as error:
                self.log.warning("%s: %s; the DAG's schedule goes on without the queue", self.queue_url, error)
                await asyncio.sleep(TROUBLE_PAUSE_S)
            if self._taken:
                self.log.info("%s: a burst of %d messages", self.queue_url, self._taken)
                taken, self._taken = self._taken, 0
                yield TriggerEvent({"messages": taken})
                await asyncio.sleep(self.pause_s)

    async def _take_burst(self) -> None:
        """Take messages until one has come and then no other for a moment."""
        hook = SqsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name, config=BOTOCORE_RETRIES)
        # Shielded as in emr_pipeline.emr.poll_trigger: a request to Airflow must not be interrupted.
        async with await asyncio.shield(hook.get_async_conn()) as sqs:
            while not self._taken:
                await self._take_some(sqs, LONG_POLL_S)
            found = True
            while found:
                found = any(await asyncio.gather(*(self._take_some(sqs, QUIET_S) for _ in range(TAKERS))))

    async def _take_some(self, sqs: Any, wait_s: int) -> int:
        """Take up to ten messages, waiting up to `wait_s` for the first, and return how many there were."""
        response = await sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=MESSAGES_AT_ONCE, WaitTimeSeconds=wait_s
        )
        # Each handle once: if a message came twice, only the last handle is sure to delete it.
        handles = [message["ReceiptHandle"] for message in response.get("Messages", [])]
        if handles:
            self._taken += len(handles)
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
            await sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
        return len(handles)
