"""What no client can do: hold others up, fill memory or disk, lead out of the root, lose a conditional write."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.s3.files.catalog import ObjectFacts
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.writer import WriteCondition, publish
from tests.local_aws.conftest import Endpoint
from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


def asked(
    endpoint: Endpoint, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, endpoint.signed(method, path, body, headers))
        response = connection.getresponse()
        return response.status, response.read()


@contextlib.contextmanager
def half_sent(endpoint: Endpoint, method: str, path: str) -> Iterator[None]:
    """A request that announces a body and never sends the rest of it."""
    with socket.create_connection(endpoint.address) as connection:
        connection.sendall(endpoint.head(method, path, content_length="1000") + b"<half")
        yield


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "?notification"),
        ("PUT", "?lifecycle"),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "?location"),
        ("POST", "?delete"),
        ("PUT", "/a"),
        ("PUT", "/a?tagging"),
        ("POST", "/a?restore"),
    ],
)
def test_a_request_that_is_half_sent_holds_up_nobody(
    endpoint: Endpoint, s3: S3Client, bucket: str, method: str, path: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear")
    with half_sent(endpoint, method, f"/{bucket}{path}"):
        for _ in range(3):
            assert asked(endpoint, "GET", "/")[0] == 200
            assert asked(endpoint, "GET", f"/{bucket}?notification")[0] == 200
            assert asked(endpoint, "PUT", f"/{bucket}/a", b"plum")[0] == 200
            assert asked(endpoint, "PUT", f"/{bucket}-2")[0] == 200


XML_BODIES = [
    ("PUT", "?notification", "NotificationConfiguration"),
    ("PUT", "?tagging", "Tagging"),
    ("PUT", "?lifecycle", "LifecycleConfiguration"),
    ("PUT", "?website", "WebsiteConfiguration"),
    ("POST", "?delete", "Delete"),
    ("PUT", "/a?tagging", "Tagging"),
]


@pytest.mark.parametrize(("method", "path", "root"), XML_BODIES)
@pytest.mark.parametrize("inside", [b"<a>" * 1000 + b"</a>" * 1000, b" " * (4 * MIB)], ids=["deep", "large"])
def test_xml_that_is_deep_or_large_is_refused(
    endpoint: Endpoint, s3: S3Client, bucket: str, method: str, path: str, root: str, inside: bytes
) -> None:
    s3.put_object(Bucket=bucket, Key="a")
    body = b"<%s>%s</%s>" % (root.encode(), inside, root.encode())
    status, answer = asked(endpoint, method, f"/{bucket}{path}", body)
    assert (status, b"<Code>MalformedXML</Code>" in answer) == (400, True) or status == 413


def test_a_number_of_thousands_of_digits_is_refused(endpoint: Endpoint, bucket: str) -> None:
    status, answer = asked(endpoint, "GET", f"/{bucket}?list-type=2&max-keys={'9' * 5000}")
    assert (status, b"<Code>InvalidArgument</Code>" in answer) == (400, True)
    assert asked(endpoint, "PUT", f"/{bucket}/a", b"pear")[0] == 200
    assert asked(endpoint, "GET", f"/{bucket}/a", headers={"Range": f"bytes={'9' * 5000}-"}) == (200, b"pear")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is not below the endpoint's root, with a file in it."""
    (tmp_path / "secret").write_bytes(b"the user's own")
    return tmp_path


def test_a_link_to_a_file_outside_of_the_root_is_no_object(
    s3: S3Client, bucket: str, bucket_path: Path, outside: Path
) -> None:
    (bucket_path / "link").symlink_to(outside / "secret")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert refused(s3.get_object, Bucket=bucket, Key="link") == (404, "NoSuchKey")
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "link"}}
    assert refused(s3.copy_object, **copy) == (404, "NoSuchKey")
    s3.put_object(Bucket=bucket, Key="link", Body=b"pear")
    assert (outside / "secret").read_bytes() == b"the user's own"
    assert s3.get_object(Bucket=bucket, Key="link")["Body"].read() == b"pear"


def test_a_link_to_a_folder_outside_of_the_root_leads_nowhere(
    s3: S3Client, bucket: str, bucket_path: Path, outside: Path
) -> None:
    (bucket_path / "link").symlink_to(outside)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Delimiter="/")["KeyCount"] == 0
    assert refused(s3.get_object, Bucket=bucket, Key="link/secret") == (404, "NoSuchKey")
    for key in ("link/secret", "link/new", "link/deep/new", "link/folder/"):
        assert refused(s3.put_object, Bucket=bucket, Key=key, Body=b"pear") == (403, "AccessDenied")
        assert refused(s3.delete_object, Bucket=bucket, Key=key) == (403, "AccessDenied")
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("secret", b"the user's own")]


def test_the_inside_of_a_linked_folder_outside_cannot_be_listed_by_its_prefix(
    s3: S3Client, bucket: str, bucket_path: Path, outside: Path
) -> None:
    (outside / "folder").mkdir()
    (outside / "folder" / "secret").write_bytes(b"the user's own")
    (bucket_path / "link").symlink_to(outside)
    for prefix in ("link/", "link/s", "link/f", "link/folder/"):
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")["KeyCount"] == 0


def test_a_link_to_itself_does_not_spoil_the_listing(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    (bucket_path / "loop").symlink_to("loop")
    s3.put_object(Bucket=bucket, Key="a")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]


def test_a_link_is_no_bucket(endpoint: Endpoint, s3: S3Client, bucket: str, outside: Path) -> None:
    name = f"{bucket}-link"
    (endpoint.root / name).symlink_to(outside)
    assert name not in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert refused(s3.list_objects_v2, Bucket=name) == (404, "NoSuchBucket")
    assert refused(s3.get_object, Bucket=name, Key="secret") == (404, "NoSuchBucket")
    assert refused(s3.put_object, Bucket=name, Key="new") == (404, "NoSuchBucket")
    assert refused(s3.create_bucket, Bucket=name) == (400, "InvalidBucketName")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0, "other buckets go on"
    (endpoint.root / name).unlink()


def test_the_folder_of_the_buckets_is_its_owners_alone(endpoint: Endpoint) -> None:
    assert stat.S_IMODE(endpoint.root.stat().st_mode) == 0o700


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    made = ObjectStore(tmp_path / "s3")
    (made.root / "fruits").mkdir()
    yield made
    made.close()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced or placed, in its order."""
    seen: list[str] = []

    def recorded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            is_folder = name == "sync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            seen.append("sync the folder" if is_folder else name)
            return call(*arguments)

        return wrapper

    monkeypatch.setattr(os, "fsync", recorded("sync", os.fsync))
    monkeypatch.setattr(Path, "replace", recorded("place", Path.replace))
    monkeypatch.setattr(Path, "hardlink_to", recorded("place", Path.hardlink_to))
    return seen


@pytest.mark.parametrize("condition", [WriteCondition(if_none_match=True), WriteCondition(if_match="*")])
def test_a_conditional_write_is_on_the_disk_before_it_is_answered(
    store: ObjectStore, events: list[str], condition: WriteCondition
) -> None:
    if condition.if_match:
        (store.root / "fruits" / "pointer").write_bytes(b"old")
    with store.scratch_file() as scratch:
        scratch.write(b"new")
        publish(store, "fruits", "pointer", scratch, ObjectFacts("etag"), condition, "Put")
    assert events == ["sync", "place", "sync the folder"]


def archived(s3: S3Client, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear", StorageClass="GLACIER", Metadata={"a": "1"})
    return s3.head_object(Bucket=bucket, Key="a")["StorageClass"]


def test_an_archived_object_is_listed_and_not_read(s3: S3Client, bucket: str) -> None:
    assert archived(s3, bucket) == "GLACIER"
    s3.put_object(Bucket=bucket, Key="b", Body=b"plum")
    found = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["StorageClass"] for item in found] == ["GLACIER", "STANDARD"]
    assert refused(s3.get_object, Bucket=bucket, Key="a") == (403, "InvalidObjectState")
    copy = {"Bucket": bucket, "Key": "c", "CopySource": {"Bucket": bucket, "Key": "a"}}
    assert refused(s3.copy_object, **copy) == (403, "InvalidObjectState")


def test_an_archived_object_is_read_once_it_is_restored(s3: S3Client, bucket: str) -> None:
    archived(s3, bucket)
    s3.restore_object(Bucket=bucket, Key="a", RestoreRequest={"Days": 1})
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"pear"
    head = s3.head_object(Bucket=bucket, Key="a")
    assert 'ongoing-request="false"' in head["Restore"]
    assert (head["StorageClass"], head["Metadata"]) == ("GLACIER", {"a": "1"})
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a"})
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="c")
    assert refused(s3.restore_object, Bucket=bucket, Key="c", RestoreRequest={"Days": 1}) == (403, "InvalidObjectState")
