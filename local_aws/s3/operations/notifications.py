"""S3's notifications: what comes and goes is told to the queues that a bucket's settings name.

moto knows the settings, writes the messages and has the queues, all in memory; the settings and the names of their
queues are kept beside the buckets, so that an endpoint that is started again goes on telling.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend
from moto.s3.notifications import send_event
from moto.sqs.models import sqs_backends

from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """An object that came or went; moto asks for it by these names."""

    event: str
    """`s3:ObjectCreated:Put` for example."""
    bucket: str
    name: str
    size: int = 0
    etag: str = ""
    version_id: str | None = None


class Notifications:
    """Tells the queues of a bucket; keeps the settings in one file."""

    def __init__(self, path: Path, backend: Callable[[], S3Backend]) -> None:
        self.path, self.backend = path, backend
        self._lock = threading.Lock()

    def tell(self, change: Change) -> None:
        bucket = self.backend().buckets.get(change.bucket)
        if bucket is not None and bucket.notification_configuration is not None:
            send_event(DEFAULT_ACCOUNT_ID, change.event, bucket, change)  # type: ignore[arg-type]

    def restore(self) -> None:
        """Gives the buckets that are still there the settings that they had, and makes the queues of those."""
        for name, queues in self._read().items():
            bucket = self.backend().buckets.get(name)
            if bucket is None:
                continue
            for setting in queues:
                _, region, queue_name = _queue(setting["Queue"])
                sqs_backends[DEFAULT_ACCOUNT_ID][region].create_queue(queue_name)
            bucket.set_notification_configuration({"QueueConfiguration": queues})
            logger.info("the bucket %s tells %s again", name, ", ".join(setting["Queue"] for setting in queues))

    def check(self, document: bytes) -> None:
        """Refuses settings that name a queue that is not there, as S3 does; moto would take them and tell nobody."""
        settings = xml.parse(document, "NotificationConfiguration")
        for arn in [xml.child_text(setting, "Queue") for setting in settings.iterfind("QueueConfiguration")]:
            account, region, name = _queue(arn)
            if account != DEFAULT_ACCOUNT_ID or name not in sqs_backends[account][region].queues:
                message = f"Unable to validate the following destination configurations: there is no queue {arn}"
                raise S3Error("InvalidArgument", message)

    def keep(self) -> None:
        """Writes down what moto knows of all buckets."""
        told = {
            name: [
                {"Id": setting.id, "Queue": setting.arn, "Event": setting.events, "Filter": setting.filters}
                for setting in bucket.notification_configuration.queue
            ]
            for name, bucket in self.backend().buckets.items()
            if bucket.notification_configuration is not None
        }
        with self._lock:
            unnamed = self.path.with_suffix(".new")
            unnamed.write_text(json.dumps(told, indent=1))
            unnamed.replace(self.path)

    def _read(self) -> dict[str, list[dict[str, Any]]]:
        try:
            kept: dict[str, list[dict[str, Any]]] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return kept


def _queue(arn: str) -> tuple[str, str, str]:
    """Account, region and name, of `arn:aws:sqs:<region>:<account>:<name>`."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        raise S3Error("InvalidArgument", f"{arn!r} is no queue's ARN: arn:aws:sqs:<region>:<account>:<name>")
    return parts[4], parts[3], parts[5]
