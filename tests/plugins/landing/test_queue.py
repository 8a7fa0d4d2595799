"""The queue's trigger against SQS itself: a burst is one event, whatever its messages are, and the queue is empty."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.triggers.base import BaseEventTrigger
from botocore.exceptions import ClientError

from emr_pipeline.landing import triggers
from emr_pipeline.landing.triggers import QueueTrigger
from tests.local_aws.conftest import Endpoint
from tests.plugins.landing.conftest import Bucket


def trigger_of(queue_url: str, pause_s: float = 0) -> QueueTrigger:
    return QueueTrigger(queue_url, pause_s, "aws_default", "us-east-1")


class Queue:
    def __init__(self, endpoint: Endpoint) -> None:
        self.sqs = endpoint.client("sqs", max_pool_connections=16)
        self.name = f"q-{uuid.uuid4().hex[:12]}"
        self.url = f"{endpoint.url}/123456789012/{self.name}"

    def make(self) -> None:
        assert self.sqs.create_queue(QueueName=self.name)["QueueUrl"] == self.url

    def send(self, count: int, body: str = "{}") -> None:
        def send_ten(_: int) -> None:
            entries = [{"Id": str(number), "MessageBody": body} for number in range(10)]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

        with ThreadPoolExecutor(8) as senders:
            list(senders.map(send_ten, range(count // 10)))
        for _ in range(count % 10):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Messages that wait, and those that are taken and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in found.values())


@pytest.fixture
def queue(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    monkeypatch.setattr(triggers, "LONG_POLL_S", 1)
    monkeypatch.setattr(triggers, "QUIET_S", 1)
    monkeypatch.setattr(triggers, "TROUBLE_PAUSE_S", 0.1)
    # With two that take or delete at the same moment, moto gives a message twice, or keeps it: no test could count.
    monkeypatch.setattr(triggers, "TAKERS", 1)
    monkeypatch.setattr(triggers, "BOTOCORE_RETRIES", {"retries": {"mode": "standard", "max_attempts": 2}})
    return Queue(endpoint)


def events_within(trigger: QueueTrigger, seconds: float, after_first: Callable[[], Any] = lambda: None) -> list[Any]:
    """The events that a trigger tells in some seconds, as the triggerer runs it: from what was serialized.

    With `after_first` giving True, no more than four seconds after the first event: enough for another to show.
    """
    path, arguments = trigger.serialize()
    assert path == "emr_pipeline.landing.triggers.QueueTrigger"
    again = QueueTrigger(**json.loads(json.dumps(arguments)))
    told: list[Any] = []

    async def run() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as limit:
                async for event in again.run():
                    told.append(event.payload)
                    if len(told) == 1 and await asyncio.to_thread(after_first):
                        limit.reschedule(asyncio.get_running_loop().time() + 4)

    asyncio.run(run())
    return told


@pytest.mark.slow
def test_a_burst_of_messages_is_one_event_and_none_is_left(queue: Queue) -> None:
    queue.make()
    queue.send(200)

    assert events_within(trigger_of(queue.url), 30, after_first=lambda: True) == [{"messages": 200}]
    assert queue.left() == 0


@pytest.mark.slow
def test_what_comes_while_the_trigger_pauses_is_one_event_more(queue: Queue) -> None:
    queue.make()
    queue.send(3)

    told = events_within(trigger_of(queue.url, pause_s=1), 7, after_first=lambda: queue.send(25))

    assert told == [{"messages": 3}, {"messages": 25}]


@pytest.mark.slow
def test_an_empty_queue_tells_nothing(queue: Queue) -> None:
    queue.make()

    assert events_within(trigger_of(queue.url), 3) == []


@pytest.mark.slow
def test_what_s3_says_of_a_new_photograph_is_an_event(queue: Queue, bucket: Bucket) -> None:
    queue.make()
    bucket.s3.put_bucket_notification_configuration(
        Bucket=bucket.name,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": f"arn:aws:sqs:us-east-1:123456789012:{queue.name}", "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    assert events_within(trigger_of(queue.url), 4) == [{"messages": 1}], "S3's test message"
    time.sleep(2)  # until the endpoint has given up the questions of the trigger that was stopped
    bucket.put("a.jpg", "b.jpg")

    assert events_within(trigger_of(queue.url), 4) == [{"messages": 2}]


@pytest.mark.slow
def test_a_queue_that_is_not_there_yet_is_asked_again(queue: Queue) -> None:
    trigger = trigger_of(queue.url)
    assert events_within(trigger, 2) == []
    queue.make()
    time.sleep(2)
    queue.send(1)

    assert events_within(trigger, 4) == [{"messages": 1}]


class FailingSqs:
    """Gives out one message; every other answer is an error, after which the trigger is left alone."""

    def __init__(self) -> None:
        self.has_given = False

    async def __aenter__(self) -> "FailingSqs":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def receive_message(self, **_: Any) -> dict[str, Any]:
        if self.has_given:
            await asyncio.sleep(0.1)
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "told by a test"}}, "ReceiveMessage")
        self.has_given = True
        return {"Messages": [{"ReceiptHandle": "h"}]}

    async def delete_message_batch(self, **_: Any) -> None:
        pass


def test_messages_that_were_taken_before_an_error_are_an_event_all_the_same(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = FailingSqs()

    async def get_async_conn(self: SqsHook) -> FailingSqs:
        return failing

    monkeypatch.setattr(SqsHook, "get_async_conn", get_async_conn)

    assert events_within(trigger_of(queue.url), 2) == [{"messages": 1}]


def test_airflow_can_tell_one_queues_trigger_from_anothers() -> None:
    one, same, other = (trigger_of(url).serialize() for url in ("http://q/1", "http://q/1", "http://q/2"))

    assert BaseEventTrigger.hash(*one) == BaseEventTrigger.hash(*same) != BaseEventTrigger.hash(*other)
