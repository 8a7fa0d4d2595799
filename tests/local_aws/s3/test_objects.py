"""Single objects through boto3: bytes, headers, tags, ranges, conditions, presigned addresses."""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

AWKWARD_KEYS = [
    "landing/Training/apple red/img 1.jpg",
    "landing/Äpfel/Größe.jpg",
    "100%/a%20b.jpg",
    "a+b=c&d.jpg",
    "a#1?.jpg",
    "'quotes\" <and> \\backslash",
    "emoji/\N{GREEN APPLE}.png",
    "control\x01character",
    ".DS_Store",
    "dots/...",
    "z/" * 400 + "deep",
]


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """Status and code of a request that has to fail."""
    with pytest.raises(ClientError) as failure:
        call(**arguments)
    return failure.value.response["ResponseMetadata"]["HTTPStatusCode"], failure.value.response["Error"]["Code"]


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_an_object_is_a_file_at_its_key(s3: S3Client, bucket: str, bucket_path: Path, key: str) -> None:
    content = f"the bytes of {key}".encode()
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    assert (bucket_path / key).read_bytes() == content
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(content)
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert refused(s3.get_object, Bucket=bucket, Key=key) == (404, "NoSuchKey")
    assert list(bucket_path.iterdir()) == []


def test_headers_metadata_and_tags_are_given_back(s3: S3Client, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="a",
        Body=b"pear",
        ContentType="image/x-pear",
        ContentDisposition='attachment; filename="pear"',
        CacheControl="no-store",
        ContentEncoding="br",
        Metadata={"grown-in": "Altes Land", "with_underscore": "1"},
        Tagging="kind=fruit&colour=light%20green",
    )
    found = s3.get_object(Bucket=bucket, Key="a")
    assert found["ETag"] == f'"{hashlib.md5(b"pear").hexdigest()}"'
    assert found["ContentType"] == "image/x-pear"
    assert found["ContentDisposition"] == 'attachment; filename="pear"'
    assert found["CacheControl"] == "no-store"
    assert found["ContentEncoding"] == "br"
    assert found["Metadata"] == {"grown-in": "Altes Land", "with_underscore": "1"}
    assert found["TagCount"] == 2
    assert abs(found["LastModified"] - datetime.now(UTC)) < timedelta(seconds=10)
    tags = s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]
    assert tags == [{"Key": "kind", "Value": "fruit"}, {"Key": "colour", "Value": "light green"}]


def test_an_upload_without_a_type_has_the_type_of_s3(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a.jpg", Body=b"pear")
    assert s3.head_object(Bucket=bucket, Key="a.jpg")["ContentType"] == "binary/octet-stream"


def test_tags_can_be_replaced_and_deleted_without_touching_the_rest(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear", Metadata={"kept": "yes"}, Tagging="old=1")
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "new", "Value": "2"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [{"Key": "new", "Value": "2"}]
    s3.delete_object_tagging(Bucket=bucket, Key="a")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []
    assert s3.head_object(Bucket=bucket, Key="a")["Metadata"] == {"kept": "yes"}


def test_more_than_ten_tags_are_refused(s3: S3Client, bucket: str) -> None:
    tagging = "&".join(f"t{number}=1" for number in range(11))
    assert refused(s3.put_object, Bucket=bucket, Key="a", Tagging=tagging) == (400, "InvalidTag")


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_is_a_part_of_the_object(
    s3: S3Client, bucket: str, header: str, expected: bytes, content_range: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    found = s3.get_object(Bucket=bucket, Key="a", Range=header)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert found["ContentRange"] == content_range
    assert found["Body"].read() == expected


def test_a_range_behind_the_end_is_refused_and_a_strange_one_is_not_followed(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    assert refused(s3.get_object, Bucket=bucket, Key="a", Range="bytes=10-") == (416, "InvalidRange")
    for strange in ("bytes=5-2", "lines=1-2", "bytes=0-1,4-5"):
        found = s3.get_object(Bucket=bucket, Key="a", Range=strange)
        assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read()) == (200, b"0123456789")


def test_reads_hold_to_their_conditions(s3: S3Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"pear")["ETag"]
    later, earlier = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    assert s3.get_object(Bucket=bucket, Key="a", IfMatch=etag)["Body"].read() == b"pear"
    assert s3.get_object(Bucket=bucket, Key="a", IfModifiedSince=earlier)["Body"].read() == b"pear"
    assert refused(s3.get_object, Bucket=bucket, Key="a", IfMatch='"other"') == (412, "PreconditionFailed")
    assert refused(s3.get_object, Bucket=bucket, Key="a", IfUnmodifiedSince=earlier) == (412, "PreconditionFailed")
    assert refused(s3.get_object, Bucket=bucket, Key="a", IfNoneMatch=etag) == (304, "304")
    assert refused(s3.head_object, Bucket=bucket, Key="a", IfModifiedSince=later) == (304, "304")


def test_what_does_not_exist_is_told_apart(s3: S3Client, bucket: str) -> None:
    assert refused(s3.get_object, Bucket=bucket, Key="a") == (404, "NoSuchKey")
    assert refused(s3.get_object, Bucket="no-such-bucket", Key="a") == (404, "NoSuchBucket")
    assert refused(s3.put_object, Bucket="no-such-bucket", Key="a") == (404, "NoSuchBucket")
    assert refused(s3.list_objects_v2, Bucket="no-such-bucket") == (404, "NoSuchBucket")
    assert refused(s3.head_object, Bucket=bucket, Key="a") == (404, "404")
    assert refused(s3.get_object, Bucket=bucket, Key="a", VersionId="7") == (404, "NoSuchVersion")


def test_deleting_what_is_not_there_is_no_error(s3: S3Client, bucket: str) -> None:
    assert s3.delete_object(Bucket=bucket, Key="a/b")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_many_objects_are_deleted_at_once(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    for key in ("a/1", "a/2", "b"):
        s3.put_object(Bucket=bucket, Key=key)
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/1"}, {"Key": "a/2"}, {"Key": "gone"}]})
    assert [found["Key"] for found in answer["Deleted"]] == ["a/1", "a/2", "gone"]
    assert answer.get("Errors", []) == []
    assert [path.name for path in bucket_path.iterdir()] == ["b"]


def test_one_key_that_cannot_be_deleted_does_not_keep_the_others(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "../x"}, {"Key": "a"}], "Quiet": True})
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("../x", "InvalidURI")]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_copy_keeps_headers_and_tags_unless_told(s3: S3Client, bucket: str) -> None:
    s3.create_bucket(Bucket=f"{bucket}-copies")
    s3.put_object(Bucket=bucket, Key="ä +%.txt", Body=b"pear", Metadata={"a": "1"}, Tagging="t=1", ContentType="x/y")
    source: CopySourceTypeDef = {"Bucket": bucket, "Key": "ä +%.txt"}
    copied = s3.copy_object(Bucket=f"{bucket}-copies", Key="kept", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"pear").hexdigest()}"'
    kept = s3.get_object(Bucket=f"{bucket}-copies", Key="kept")
    assert (kept["Body"].read(), kept["Metadata"], kept["ContentType"]) == (b"pear", {"a": "1"}, "x/y")
    assert s3.get_object_tagging(Bucket=f"{bucket}-copies", Key="kept")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=bucket, Key="replaced", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE")
    assert s3.head_object(Bucket=bucket, Key="replaced")["Metadata"] == {"b": "2"}


def test_a_copy_onto_itself_must_change_something(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear", Metadata={"a": "1"})
    source: CopySourceTypeDef = {"Bucket": bucket, "Key": "a"}
    assert refused(s3.copy_object, Bucket=bucket, Key="a", CopySource=source) == (400, "InvalidRequest")
    s3.copy_object(Bucket=bucket, Key="a", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE")
    found = s3.get_object(Bucket=bucket, Key="a")
    assert (found["Body"].read(), found["Metadata"]) == (b"pear", {"b": "2"})


def test_a_copy_holds_to_the_conditions_on_its_source(s3: S3Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"pear")["ETag"]
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    assert refused(s3.copy_object, **copy, CopySourceIfMatch='"other"') == (412, "PreconditionFailed")
    assert refused(s3.copy_object, **copy, CopySourceIfNoneMatch=etag) == (412, "PreconditionFailed")
    s3.copy_object(**copy, CopySourceIfMatch=etag)  # type: ignore[arg-type]
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"pear"


def test_presigned_addresses_read_and_write(endpoint: Endpoint, bucket: str) -> None:
    s3 = endpoint.client("s3", signature_version="s3v4")
    arguments = {"Bucket": bucket, "Key": "a b+c%.txt"}
    put_url = s3.generate_presigned_url("put_object", arguments)
    urllib.request.urlopen(urllib.request.Request(put_url, data=b"pear", method="PUT")).close()
    get_url = s3.generate_presigned_url("get_object", arguments | {"ResponseContentType": "text/x-pear"})
    with urllib.request.urlopen(get_url) as response:
        assert (response.read(), response.headers["Content-Type"]) == (b"pear", "text/x-pear")


def test_a_presigned_address_expires(endpoint: Endpoint, bucket: str) -> None:
    s3 = endpoint.client("s3", signature_version="s3v4")
    s3.put_object(Bucket=bucket, Key="a")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"}, ExpiresIn=1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(url)
    assert failure.value.code == 403
    assert b"Request has expired" in failure.value.read()


def test_what_is_not_emulated_says_so(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a")
    assert refused(s3.get_object_acl, Bucket=bucket, Key="a") == (501, "NotImplemented")
    enabled: Any = {"Status": "Enabled"}
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=enabled) == (501, "NotImplemented")
