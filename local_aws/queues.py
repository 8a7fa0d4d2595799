"""moto's SQS, quick and exact enough for a burst: ten thousand messages, sent and taken by many at once.

As it comes, moto counts all messages three times for each one that it hands out (10 s for a hundred of 1,000), and two
that delete at the same moment undo one another. What is replaced here does the same, once and under the queue's lock.
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import unix_time, unix_time_millis
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

_receive_message = SQSBackend.receive_message


def install() -> None:
    """Before the first request."""
    queue: Any = Queue
    queue.messages = property(_messages)
    queue.approximate_number_of_messages_not_visible = property(_not_visible)
    queue.approximate_number_of_messages_delayed = property(_delayed)
    queue.delete_message = _delete_message
    backend: Any = SQSBackend
    backend.receive_message = _receive_locked
    backend.is_message_valid_based_on_retention_period = _is_kept


def _messages(queue: Queue) -> list[Message]:
    now = unix_time_millis()
    return [message for message in queue._messages if message.visible_at < now >= message.delayed_until]


def _not_visible(queue: Queue) -> int:
    now = unix_time_millis()
    return sum(message.visible_at >= now for message in queue._messages)


def _delayed(queue: Queue) -> int:
    now = unix_time_millis()
    return sum(message.delayed_until > now for message in queue._messages)


def _delete_message(queue: Queue, receipt_handle: str) -> None:
    with queue._messages_lock:
        if receipt_handle in queue.deleted_messages:
            return
        for number, message in enumerate(queue._messages):
            if message.had_receipt_handle(receipt_handle):
                queue.pending_messages.discard(message)
                queue.deleted_messages.update(message.all_receipt_handles)  # type: ignore[arg-type]
                del queue._messages[number]
                return
    raise ReceiptHandleIsInvalid()


def _receive_locked(backend: SQSBackend, queue_name: str, *of: Any, **more: Any) -> list[Message]:
    # Whoever waits for a message leaves the lock to the others meanwhile.
    with backend.get_queue(queue_name)._messages_lock:
        return _receive_message(backend, queue_name, *of, **more)


def _is_kept(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    queue: Any = backend.get_queue(queue_name)
    return int(queue.message_retention_period) + int(message.sent_timestamp or 0) / 1000 > unix_time()
