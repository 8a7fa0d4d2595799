"""Files that other programs make, change and delete; and what is remembered over a restart."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.local_aws.conftest import Endpoint
from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def listed(s3: S3Client, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_the_next_request_sees_what_others_did(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    path = bucket_path / "by" / "hand.txt"
    path.parent.mkdir()
    for content in (b"first", b"second, longer", b"twice!", b"thrice"):
        path.write_bytes(content)
        found = s3.get_object(Bucket=bucket, Key="by/hand.txt")
        assert (found["Body"].read(), found["ETag"]) == (content, f'"{hashlib.md5(content).hexdigest()}"')
        summary = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
        assert (summary["Size"], summary["ETag"]) == (len(content), f'"{hashlib.md5(content).hexdigest()}"')
    path.unlink()
    assert listed(s3, bucket) == []
    assert refused(s3.get_object, Bucket=bucket, Key="by/hand.txt") == (404, "NoSuchKey")


@pytest.mark.parametrize("size_bytes", [10, 300_000])
def test_a_listing_hashes_small_and_large_files(s3: S3Client, bucket: str, bucket_path: Path, size_bytes: int) -> None:
    contents = {f"{number}": bytes([number]) * size_bytes for number in range(20)}
    for key, content in contents.items():
        (bucket_path / key).write_bytes(content)
    etags = {found["Key"]: found["ETag"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert etags == {key: f'"{hashlib.md5(content).hexdigest()}"' for key, content in contents.items()}


def test_a_file_changed_in_place_has_a_new_etag_even_within_a_moment(
    s3: S3Client, bucket: str, bucket_path: Path
) -> None:
    path = bucket_path / "a"
    for number in range(200):
        content = b"%03d" % number
        with path.open("wb") as file:
            file.write(content)
        assert s3.head_object(Bucket=bucket, Key="a")["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'


def test_a_file_changed_under_an_upload_is_a_plain_file_again(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a.html", Body=b"pear", Metadata={"a": "1"}, Tagging="t=1", ContentType="x/y")
    (bucket_path / "a.html").write_bytes(b"plum")
    found = s3.get_object(Bucket=bucket, Key="a.html")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"plum", {}, "text/html")
    assert s3.get_object_tagging(Bucket=bucket, Key="a.html")["TagSet"] == []


def test_scratch_of_writers_is_not_listed_and_users_files_are(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    for key in (
        "out/_temporary/0/task/part-0.parquet",
        "out/.part-0.parquet.crc",
        "out/.spark-staging-1/part-0",
        "out/part-0.parquet",
        "out/_SUCCESS",
        "out/.DS_Store",
        "out/checks.crc",
        ".hidden/a",
    ):
        (bucket_path / key).parent.mkdir(parents=True, exist_ok=True)
        (bucket_path / key).write_bytes(key.encode())
    expected = [".hidden/a", "out/.DS_Store", "out/_SUCCESS", "out/checks.crc", "out/part-0.parquet"]
    assert listed(s3, bucket) == expected
    assert refused(s3.get_object, Bucket=bucket, Key="out/_temporary/0/task/part-0.parquet") == (404, "NoSuchKey")


def test_folders_with_nothing_in_them_are_no_common_prefixes(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    (bucket_path / "empty" / "below").mkdir(parents=True)
    (bucket_path / "scratch" / "_temporary").mkdir(parents=True)
    (bucket_path / "scratch" / "_temporary" / "part").touch()
    (bucket_path / "full" / "below").mkdir(parents=True)
    (bucket_path / "full" / "below" / "a").touch()
    found = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [item["Prefix"] for item in found["CommonPrefixes"]] == ["full/"]


def test_a_checksum_of_hadoop_does_not_outlive_its_file(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    """Hadoop would refuse to read a file that its checksum does not fit."""
    (bucket_path / "a").write_bytes(b"old")
    (bucket_path / ".a.crc").write_bytes(b"crc of old")
    s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    assert [path.name for path in bucket_path.iterdir()] == ["a"]


def test_what_is_no_plain_file_is_no_object(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    os.mkfifo(bucket_path / "pipe")
    (bucket_path / "dangling").symlink_to("nowhere")
    (bucket_path / os.fsdecode(b"not-utf8-\xff")).touch()
    assert listed(s3, bucket) == []
    assert refused(s3.get_object, Bucket=bucket, Key="pipe") == (404, "NoSuchKey")


def test_a_file_with_a_longer_path_than_a_key_may_be_is_no_object(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    folder = bucket_path.joinpath(*["é" * 100] * 5)
    folder.mkdir(parents=True)
    for name in ("a" * 19, "a" * 20, "next"):
        (folder / name).touch()
    (folder / ("b" * 200) / "deeper").mkdir(parents=True)
    (folder / ("b" * 200) / "deeper" / "photo.jpg").touch()
    assert [len(key.encode()) for key in listed(s3, bucket)] == [1024, 1009]
    assert len(s3.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]) == 1


def test_links_are_followed_but_not_in_circles(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    (bucket_path / "a").mkdir()
    (bucket_path / "a" / "file").write_bytes(b"pear")
    (bucket_path / "a" / "circle").symlink_to(bucket_path)
    (bucket_path / "b").symlink_to(bucket_path / "a" / "file")
    assert listed(s3, bucket) == ["a/file", "b"]
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"pear"


def test_a_folder_made_by_hand_is_a_bucket(endpoint: Endpoint, s3: S3Client, bucket: str) -> None:
    name = f"{bucket}-by-hand"
    (endpoint.root / name / "landing").mkdir(parents=True)
    (endpoint.root / name / "landing" / "a").write_bytes(b"pear")
    (endpoint.root / "Not_A_Bucket").mkdir(exist_ok=True)
    assert listed(s3, name) == ["landing/a"]
    names = [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert name in names
    assert "Not_A_Bucket" not in names
    assert s3.get_bucket_location(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_bucket_whose_folder_was_deleted_is_gone(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    bucket_path.rmdir()
    assert refused(s3.head_bucket, Bucket=bucket) == (404, "404")
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=bucket)
    assert bucket_path.is_dir()


def test_a_bucket_is_deleted_only_when_it_is_empty(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a/b")
    assert refused(s3.delete_bucket, Bucket=bucket) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=bucket, Key="a/b")
    (bucket_path / "left" / "_temporary").mkdir(parents=True)
    (bucket_path / "left" / "_temporary" / "part").touch()
    s3.delete_bucket(Bucket=bucket)
    assert not bucket_path.exists()
    assert refused(s3.delete_bucket, Bucket=bucket) == (404, "NoSuchBucket")


def test_names_that_are_no_buckets_are_refused(s3: S3Client) -> None:
    assert refused(s3.create_bucket, Bucket="Upper.Case") == (400, "InvalidBucketName")


def test_settings_of_a_bucket_are_kept_by_moto(endpoint: Endpoint, s3: S3Client, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "fruit"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "fruit"}]
    endpoint.client("sqs").create_queue(QueueName="arrivals")
    queue = "arn:aws:sqs:us-east-1:123456789012:arrivals"
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]},
    )
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [item["QueueArn"] for item in found] == [queue]


@pytest.mark.slow
def test_a_restart_forgets_nothing_and_hashes_nothing_again(new_endpoint: Callable[[], Endpoint]) -> None:
    running = new_endpoint()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="fruits")
    s3.put_object(Bucket="fruits", Key="a", Body=b"pear", Metadata={"a": "1"}, Tagging="t=1", ContentType="x/y")
    (running.root / "fruits" / "by-hand").write_bytes(b"plum")
    (running.root / "fruits" / "deleted").write_bytes(b"quince")
    time.sleep(0.2)  # until the file's time of change tells its versions apart
    before = s3.list_objects_v2(Bucket="fruits")["Contents"]
    running.stop()
    (running.root / "fruits" / "deleted").unlink()
    with sqlite3.connect(running.root / ".local_aws" / "objects.sqlite") as catalog:
        catalog.execute("UPDATE objects SET etag = 'kept' WHERE key = 'by-hand'")

    running = new_endpoint()
    s3 = running.client("s3")
    found = s3.get_object(Bucket="fruits", Key="a")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"pear", {"a": "1"}, "x/y")
    assert s3.get_object_tagging(Bucket="fruits", Key="a")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert s3.list_objects_v2(Bucket="fruits")["Contents"] == [before[0], {**before[1], "ETag": '"kept"'}]
    running.stop()
    with sqlite3.connect(running.root / ".local_aws" / "objects.sqlite") as catalog:
        assert [key for (key,) in catalog.execute("SELECT key FROM objects ORDER BY key")] == ["a", "by-hand"]
