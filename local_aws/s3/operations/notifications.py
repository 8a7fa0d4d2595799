"""Notifications of S3: the queues that a bucket's settings name get a message for each object that comes or goes.

moto has the settings, the messages and the queues in memory. The settings and the names of their queues are also in a
file next to the buckets, so that an endpoint that starts again goes on sending.
"""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, s3_backends
from moto.s3.notifications import send_event
from moto.sqs.models import sqs_backends

from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error

logger = logging.getLogger(__name__)


def moto_backend() -> S3Backend:
    """Return moto's S3 with all settings of buckets."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def send(event: Any, bucket_name: str, key: str, size: int, etag: str) -> None:
    """Tell the queues of a bucket that an object came or went, for example by `s3:ObjectCreated:Put`."""
    bucket = moto_backend().buckets.get(bucket_name)
    if bucket is not None and bucket.notification_configuration is not None:
        moto_key: Any = SimpleNamespace(name=key, size=size, etag=etag, version_id=None)
        send_event(DEFAULT_ACCOUNT_ID, event, bucket, moto_key)


def check(document: bytes) -> None:
    """Refuse settings that name a queue that does not exist, as S3 does; moto would take them and send nothing."""
    settings = xml.parse(document, "NotificationConfiguration")
    for arn in [xml.child_text(setting, "Queue") for setting in settings.iterfind("QueueConfiguration")]:
        account, region, name = _queue(arn)
        if account != DEFAULT_ACCOUNT_ID or name not in sqs_backends[account][region].queues:
            message = f"Unable to validate the following destination configurations: there is no queue {arn}"
            raise S3Error("InvalidArgument", message)


def keep(path: Path) -> None:
    """Write the settings that moto has for all buckets to a file."""
    settings = {
        name: [
            {"Id": setting.id, "Queue": setting.arn, "Event": setting.events, "Filter": setting.filters}
            for setting in bucket.notification_configuration.queue
        ]
        for name, bucket in moto_backend().buckets.items()
        if bucket.notification_configuration is not None
    }
    unnamed = path.with_suffix(".new")
    with unnamed.open("w") as file:
        json.dump(settings, file, indent=1)
        file.flush()
        os.fsync(file.fileno())  # an empty file after a power cut would keep the endpoint from starting
    unnamed.replace(path)


def restore(path: Path) -> None:
    """Give the buckets that still exist their settings again, and make the queues that these name."""
    settings = json.loads(path.read_text()) if path.exists() else {}
    for name, queues in settings.items():
        bucket = moto_backend().buckets.get(name)
        if bucket is None:
            continue
        for setting in queues:
            _, region, queue_name = _queue(setting["Queue"])
            sqs_backends[DEFAULT_ACCOUNT_ID][region].create_queue(queue_name)
        bucket.set_notification_configuration({"QueueConfiguration": queues})
        arns = ", ".join(setting["Queue"] for setting in queues)
        logger.info("notifications of the bucket %s go to %s again", name, arns)


def _queue(arn: str) -> tuple[str, str, str]:
    """Return account, region and name of `arn:aws:sqs:<region>:<account>:<name>`.

    >>> _queue("arn:aws:sqs:us-east-1:123456789012:arrivals")
    ('123456789012', 'us-east-1', 'arrivals')
    """
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        raise S3Error("InvalidArgument", f"{arn!r} is not the ARN of a queue: arn:aws:sqs:<region>:<account>:<name>")
    return parts[4], parts[3], parts[5]
