"""Notifications of S3: the queues that a bucket's settings name get a message for each object that comes or goes.

moto has the settings, the messages and the queues in memory. The settings and the names of their queues are also in a
file next to the buckets, so that an endpoint that starts again goes on sending.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend
from moto.s3.notifications import send_event
from moto.sqs.models import sqs_backends

from local_aws.s3.files.store import Change
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error

logger = logging.getLogger(__name__)


class Notifications:
    """The notifications of all buckets, whose settings are kept in one file."""

    def __init__(self, path: Path, backend: Callable[[], S3Backend]) -> None:
        self.path, self.backend = path, backend
        self._lock = threading.Lock()

    def send(self, change: Change) -> None:
        """Send a change to the queues of its bucket."""
        bucket = self.backend().buckets.get(change.bucket)
        if bucket is not None and bucket.notification_configuration is not None:
            send_event(DEFAULT_ACCOUNT_ID, change.event, bucket, change)  # type: ignore[arg-type]

    def restore(self) -> None:
        """Give the buckets that still exist their settings again, and make the queues that these name."""
        for name, queues in self._read().items():
            bucket = self.backend().buckets.get(name)
            if bucket is None:
                continue
            for setting in queues:
                _, region, queue_name = _queue(setting["Queue"])
                sqs_backends[DEFAULT_ACCOUNT_ID][region].create_queue(queue_name)
            bucket.set_notification_configuration({"QueueConfiguration": queues})
            logger.info(
                "notifications of the bucket %s go to %s again", name, ", ".join(setting["Queue"] for setting in queues)
            )

    def check(self, document: bytes) -> None:
        """Refuse settings that name a queue that does not exist, as S3 does; moto would take them and send nothing."""
        settings = xml.parse(document, "NotificationConfiguration")
        for arn in [xml.child_text(setting, "Queue") for setting in settings.iterfind("QueueConfiguration")]:
            account, region, name = _queue(arn)
            if account != DEFAULT_ACCOUNT_ID or name not in sqs_backends[account][region].queues:
                message = f"Unable to validate the following destination configurations: there is no queue {arn}"
                raise S3Error("InvalidArgument", message)

    def keep(self) -> None:
        """Write the settings that moto has for all buckets to the file."""
        settings = {
            name: [
                {"Id": setting.id, "Queue": setting.arn, "Event": setting.events, "Filter": setting.filters}
                for setting in bucket.notification_configuration.queue
            ]
            for name, bucket in self.backend().buckets.items()
            if bucket.notification_configuration is not None
        }
        with self._lock:
            unnamed = self.path.with_suffix(".new")
            unnamed.write_text(json.dumps(settings, indent=1))
            unnamed.replace(self.path)

    def _read(self) -> dict[str, list[dict[str, Any]]]:
        try:
            kept: dict[str, list[dict[str, Any]]] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return kept


def _queue(arn: str) -> tuple[str, str, str]:
    """Return account, region and name of `arn:aws:sqs:<region>:<account>:<name>`.

    >>> _queue("arn:aws:sqs:us-east-1:123456789012:arrivals")
    ('123456789012', 'us-east-1', 'arrivals')
    """
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        raise S3Error("InvalidArgument", f"{arn!r} is not the ARN of a queue: arn:aws:sqs:<region>:<account>:<name>")
    return parts[4], parts[3], parts[5]
