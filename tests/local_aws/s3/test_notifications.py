"""What comes and goes in a bucket is told to its queue, through every door, and after a restart too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import pytest

from tests.local_aws.conftest import Endpoint
from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


def make_queue(sqs: Any) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def listen(s3: S3Client, bucket: str, queue_arn: str, prefix: str = "landing/") -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": queue_arn,
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
                }
            ]
        },
    )


def told(sqs: Any, url: str) -> list[tuple[str, str, int]]:
    """Event, key and size of every message that waits; S3's test message is none."""
    found: list[tuple[str, str, int]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += [
                (record["eventName"], unquote_plus(record["s3"]["object"]["key"]), record["s3"]["object"]["size"])
                for record in json.loads(message["Body"]).get("Records", [])
            ]
    return found


@pytest.fixture
def sqs(endpoint: Endpoint) -> Any:
    return endpoint.client("sqs")


@pytest.fixture
def queue_url(sqs: Any, s3: S3Client, bucket: str) -> str:
    url, arn = make_queue(sqs)
    listen(s3, bucket, arn)
    return url


def test_every_way_in_and_out_is_told(s3: S3Client, sqs: Any, bucket: str, queue_url: str) -> None:
    s3.put_object(Bucket=bucket, Key="landing/a é.jpg", Body=b"four")
    s3.copy_object(Bucket=bucket, Key="landing/b.jpg", CopySource=f"{bucket}/landing/a é.jpg")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="landing/c.jpg")["UploadId"]
    part = {"Bucket": bucket, "Key": "landing/c.jpg", "UploadId": upload}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"x" * MIB)["ETag"]  # type: ignore[arg-type]
    assert len(told(sqs, queue_url)) == 2, "an upload that goes on is no object yet"
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})  # type: ignore[arg-type]
    s3.put_object(Bucket=bucket, Key="landing/folder/")
    s3.delete_object(Bucket=bucket, Key="landing/a é.jpg")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "landing/b.jpg"}, {"Key": "landing/folder/"}]})

    assert told(sqs, queue_url) == [
        ("ObjectCreated:CompleteMultipartUpload", "landing/c.jpg", MIB),
        ("ObjectCreated:Put", "landing/folder/", 0),
        ("ObjectRemoved:Delete", "landing/a é.jpg", 0),
        ("ObjectRemoved:Delete", "landing/b.jpg", 0),
        ("ObjectRemoved:Delete", "landing/folder/", 0),
    ]


def test_what_did_not_happen_and_what_lies_elsewhere_is_not_told(
    s3: S3Client, sqs: Any, bucket: str, queue_url: str
) -> None:
    s3.put_object(Bucket=bucket, Key="landing/a.jpg", Body=b"first")
    told(sqs, queue_url)

    refused(s3.put_object, Bucket=bucket, Key="landing/a.jpg", Body=b"second", IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="landing/never.jpg")
    s3.delete_object(Bucket=bucket, Key="landing/never/")
    s3.put_object(Bucket=bucket, Key="runs/a.jpg", Body=b"")

    assert told(sqs, queue_url) == []


def test_settings_that_name_no_queue_are_refused_and_the_former_ones_hold(
    s3: S3Client, sqs: Any, bucket: str, queue_url: str
) -> None:
    configuration = {
        "QueueConfigurations": [
            {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:none", "Events": ["s3:ObjectCreated:*"]}
        ]
    }
    settings = {"Bucket": bucket, "NotificationConfiguration": configuration}

    assert refused(s3.put_bucket_notification_configuration, **settings) == (400, "InvalidArgument")

    s3.put_object(Bucket=bucket, Key="landing/a.jpg", Body=b"")
    assert told(sqs, queue_url) == [("ObjectCreated:Put", "landing/a.jpg", 0)]


def test_settings_that_are_taken_away_end_the_telling(s3: S3Client, sqs: Any, bucket: str, queue_url: str) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="landing/a.jpg", Body=b"")

    assert told(sqs, queue_url) == []


@pytest.mark.slow
def test_after_a_restart_the_bucket_tells_the_queue_of_the_same_address_again(
    new_endpoint: Callable[[], Endpoint],
) -> None:
    first = new_endpoint()
    s3, sqs = first.client("s3"), first.client("sqs")
    s3.create_bucket(Bucket="pictures")
    s3.create_bucket(Bucket="quiet")
    s3.create_bucket(Bucket="removed")
    url, arn = make_queue(sqs)
    for bucket in ("pictures", "quiet", "removed"):
        listen(s3, bucket, arn)
    s3.put_bucket_notification_configuration(Bucket="quiet", NotificationConfiguration={})
    s3.delete_bucket(Bucket="removed")
    first.stop()

    second = new_endpoint()
    s3, sqs = second.client("s3"), second.client("sqs")
    path = url.removeprefix(first.url)
    told(sqs, second.url + path)
    s3.create_bucket(Bucket="removed")
    for bucket in ("pictures", "quiet", "removed"):
        s3.put_object(Bucket=bucket, Key="landing/a.jpg", Body=b"abc")

    assert told(sqs, second.url + path) == [("ObjectCreated:Put", "landing/a.jpg", 3)]
    assert s3.get_bucket_notification_configuration(Bucket="pictures")["QueueConfigurations"][0]["QueueArn"] == arn
