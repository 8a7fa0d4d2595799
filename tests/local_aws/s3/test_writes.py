"""What a writer is promised: all or nothing, its condition, its checksum; and what a folder cannot hold."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Endpoint
from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RACERS = 20


def raced(write: Callable[[int], Any]) -> list[str]:
    """The outcomes of writes that all begin at once."""
    start = threading.Barrier(RACERS)

    def outcome(number: int) -> str:
        start.wait()
        try:
            write(number)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return f"won {number}"

    with ThreadPoolExecutor(RACERS) as racers:
        return list(racers.map(outcome, range(RACERS)))


def test_an_object_is_not_overwritten_if_none_may_match(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"first", IfNoneMatch="*")
    second = {"Bucket": bucket, "Key": "a", "Body": b"second", "IfNoneMatch": "*", "Metadata": {"a": "1"}}
    assert refused(s3.put_object, **second) == (412, "PreconditionFailed")
    found = s3.get_object(Bucket=bucket, Key="a")
    assert (found["Body"].read(), found["Metadata"]) == (b"first", {})


def test_of_twenty_writers_who_want_to_be_first_exactly_one_wins(s3: S3Client, bucket: str) -> None:
    for turn in range(5):
        key = f"deep/{turn}/pointer"
        outcomes = raced(
            lambda number, key=key: s3.put_object(  # type: ignore[misc]
                Bucket=bucket, Key=key, Body=b"%d" % number, Metadata={"by": str(number)}, IfNoneMatch="*"
            )
        )
        winners = [outcome for outcome in outcomes if outcome.startswith("won")]
        assert (len(winners), outcomes.count("PreconditionFailed")) == (1, RACERS - 1)
        found = s3.get_object(Bucket=bucket, Key=key)
        assert winners == [f"won {found['Body'].read().decode()}"] == [f"won {found['Metadata']['by']}"]


def test_of_twenty_writers_who_saw_the_same_version_exactly_one_wins(s3: S3Client, bucket: str) -> None:
    for _ in range(5):
        seen = s3.put_object(Bucket=bucket, Key="pointer", Body=b"seen")["ETag"]
        outcomes = raced(
            lambda number, seen=seen: s3.put_object(  # type: ignore[misc]
                Bucket=bucket, Key="pointer", Body=b"%d" % number, IfMatch=seen
            )
        )
        winners = [outcome for outcome in outcomes if outcome.startswith("won")]
        assert (len(winners), outcomes.count("PreconditionFailed")) == (1, RACERS - 1)
        assert winners == [f"won {s3.get_object(Bucket=bucket, Key='pointer')['Body'].read().decode()}"]


def test_a_match_with_what_is_not_there_fails(s3: S3Client, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="a", IfMatch='"any"') == (404, "NoSuchKey")


def test_bytes_headers_and_etag_of_a_version_stay_together(s3: S3Client, bucket: str) -> None:
    """Readers that run while writers replace an object never meet the bytes of one with the facts of another."""
    stop = threading.Event()

    def write(writer: int) -> None:
        while not stop.is_set():
            s3.put_object(Bucket=bucket, Key="a", Body=b"%d" % writer * 1000, Metadata={"by": str(writer)})

    s3.put_object(Bucket=bucket, Key="a", Body=b"0" * 1000, Metadata={"by": "0"})
    with ThreadPoolExecutor(4) as writers:
        running = [writers.submit(write, number) for number in range(4)]
        try:
            for _ in range(200):
                found = s3.get_object(Bucket=bucket, Key="a")
                body = found["Body"].read()
                assert body == found["Metadata"]["by"].encode() * 1000
                assert found["ETag"].strip('"') == hashlib.md5(body).hexdigest()
        finally:
            stop.set()
    for writer in running:
        writer.result()


def test_writers_and_deleters_in_one_folder_do_not_disturb_each_other(s3: S3Client, bucket: str) -> None:
    """A deletion takes an empty folder away, maybe just when another object is to be placed in it."""

    def write_and_delete(number: int) -> None:
        for _ in range(30):
            s3.put_object(Bucket=bucket, Key=f"a/b/c/{number}", Body=b"x")
            s3.delete_object(Bucket=bucket, Key=f"a/b/c/{number}")

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(write_and_delete, range(8)))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_half_received_object_is_never_seen(endpoint: Endpoint, s3: S3Client, bucket: str, bucket_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"whole")
    with socket.create_connection(endpoint.address) as connection:
        connection.sendall(endpoint.head("PUT", f"/{bucket}/a", content_length="3000000") + b"x" * 2_000_000)
        time.sleep(0.3)
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"whole"
        assert [path.name for path in bucket_path.rglob("*")] == ["a"]
    time.sleep(0.3)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"whole"
    assert list((endpoint.root / ".local_aws" / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"),
        ({"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"Content-MD5": "nonsense"}, "InvalidDigest"),
        ({"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}, "XAmzContentSHA256Mismatch"),
    ],
)
def test_bytes_that_do_not_fit_their_checksum_are_refused(
    endpoint: Endpoint, s3: S3Client, bucket: str, headers: dict[str, str], code: str
) -> None:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"))
    path = f"/{bucket}/a"
    connection.request("PUT", path, body=b"pear", headers=endpoint.signed("PUT", path, b"pear", headers))
    response = connection.getresponse()
    assert (response.status, f"<Code>{code}</Code>".encode() in response.read()) == (400, True)
    assert refused(s3.get_object, Bucket=bucket, Key="a") == (404, "NoSuchKey")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_checksum_is_given_back(s3: S3Client, bucket: str, algorithm: Any) -> None:
    sent: dict[str, Any] = dict(s3.put_object(Bucket=bucket, Key="a", Body=b"pear", ChecksumAlgorithm=algorithm))
    found: dict[str, Any] = dict(s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED"))
    assert sent[f"Checksum{algorithm}"] == found[f"Checksum{algorithm}"]
    assert found["Body"].read() == b"pear"


def put_raw(endpoint: Endpoint, path: str, method: str = "PUT") -> tuple[int, bytes]:
    """A request with the path as it is: boto3 would not send some."""
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"))
    body = b"pear" if method == "PUT" else b""
    connection.request(method, path, body=body, headers=endpoint.signed(method, path, body))
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize(
    "key", ["../escaped", "a/../../escaped", "%2e%2e/escaped", "a/..%2f..%2fescaped", "/etc/x", "a//b"]
)
def test_keys_that_are_no_paths_below_the_bucket_are_refused(
    endpoint: Endpoint, bucket: str, method: str, key: str
) -> None:
    status, body = put_raw(endpoint, f"/{bucket}/{key}", method)
    assert (status, b"<Code>InvalidURI</Code>" in body) == (400, True)
    assert not (endpoint.root / "escaped").exists()
    assert list((endpoint.root / bucket).iterdir()) == []


@pytest.mark.parametrize("bucket_name", ["..", ".local_aws", "%2e%2e"])
def test_the_endpoints_own_folder_is_no_bucket(endpoint: Endpoint, bucket_name: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        status, body = put_raw(endpoint, f"/{bucket_name}/objects.sqlite", method)
        assert (status, b"<Code>NoSuchBucket</Code>" in body) == (404, True)
    assert (endpoint.root / ".local_aws" / "objects.sqlite").exists()


def test_a_prefix_that_leads_out_of_the_bucket_is_refused(s3: S3Client, bucket: str) -> None:
    assert refused(s3.list_objects_v2, Bucket=bucket, Prefix="../") == (400, "InvalidURI")


def test_names_longer_than_files_may_have_are_refused(s3: S3Client, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="x" * 256) == (400, "InvalidURI")
    assert refused(s3.put_object, Bucket=bucket, Key="x/" * 512 + "x") == (400, "KeyTooLongError")
    s3.put_object(Bucket=bucket, Key="x" * 255)


def test_a_key_cannot_be_file_and_folder(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear")
    assert refused(s3.put_object, Bucket=bucket, Key="a/b") == (409, "ParentIsObject")
    assert refused(s3.put_object, Bucket=bucket, Key="a/b/c") == (409, "ParentIsObject")
    s3.put_object(Bucket=bucket, Key="c/d")
    assert refused(s3.put_object, Bucket=bucket, Key="c") == (409, "ObjectExistsAsFolder")
    assert refused(s3.put_object, Bucket=bucket, Key="c", IfNoneMatch="*") == (409, "ObjectExistsAsFolder")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"pear"
    assert refused(s3.get_object, Bucket=bucket, Key="a/b") == (404, "NoSuchKey")
    assert refused(s3.get_object, Bucket=bucket, Key="c") == (404, "NoSuchKey")


def test_an_empty_folder_is_not_in_the_way(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    (bucket_path / "a").mkdir()
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear")
    assert (bucket_path / "a").read_bytes() == b"pear"


def test_a_key_that_ends_in_a_slash_is_an_object_in_a_folder(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a/b/", ContentType="application/x-directory")
    s3.put_object(Bucket=bucket, Key="a/b/c", Body=b"pear")
    assert (bucket_path / "a" / "b" / "c").read_bytes() == b"pear"
    found = s3.get_object(Bucket=bucket, Key="a/b/")
    assert (found["Body"].read(), found["ContentType"]) == (b"", "application/x-directory")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b/", "a/b/c"]
    assert refused(s3.put_object, Bucket=bucket, Key="a/b") == (409, "ObjectExistsAsFolder")
    s3.delete_object(Bucket=bucket, Key="a/b/c")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix="a/b/")["Contents"]] == ["a/b/"]
    assert [found["Prefix"] for found in s3.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]] == ["a/"]
    s3.delete_object(Bucket=bucket, Key="a/b/")
    assert list(bucket_path.iterdir()) == []


def test_a_key_that_ends_in_a_slash_may_hold_bytes_and_conditions(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/", Body=b"pear", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="a/")["Body"].read() == b"pear"
    assert refused(s3.put_object, Bucket=bucket, Key="a/", IfNoneMatch="*") == (412, "PreconditionFailed")


def test_scratch_names_of_hadoop_are_refused(s3: S3Client, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="a/_temporary/0/part") == (400, "InvalidArgument")
    assert refused(s3.put_object, Bucket=bucket, Key="a/.part.crc") == (400, "InvalidArgument")


def test_writing_leaves_other_names_of_the_same_file_alone(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    """Photographs are brought in as hard links: the user's own file must never change."""
    original = bucket_path.parent / f"{bucket}-original.jpg"
    original.write_bytes(b"the user's photograph")
    os.link(original, bucket_path / "a.jpg")
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"another")
    assert original.read_bytes() == b"the user's photograph"
    original.unlink()
