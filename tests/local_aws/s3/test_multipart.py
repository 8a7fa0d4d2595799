"""Multipart uploads: large files, parts by hand, copies of parts, what S3 refuses to put together."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.local_aws.conftest import Endpoint
from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 5 << 20
CONTENT = random.Random(1).randbytes(2 * PART_BYTES + 12_345)
PARTS = [CONTENT[start : start + PART_BYTES] for start in range(0, len(CONTENT), PART_BYTES)]


def multipart_etag(parts: list[bytes]) -> str:
    """As S3 documents it: the MD5 of the parts' MD5s, and how many there were."""
    return f'"{hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()}-{len(parts)}"'


def uploaded_parts(s3: S3Client, bucket: str, upload_id: str, parts: list[bytes]) -> Any:
    """What a completion has to name."""
    return [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=bucket, Key="a", UploadId=upload_id, PartNumber=number, Body=part)["ETag"],
        }
        for number, part in enumerate(parts, start=1)
    ]


def test_a_large_file_arrives_in_parts(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
    extra = {"Metadata": {"a": "1"}, "ContentType": "x/y", "Tagging": "t=1"}
    s3.upload_fileobj(io.BytesIO(CONTENT), bucket, "deep/large", Config=config, ExtraArgs=extra)
    assert (bucket_path / "deep" / "large").read_bytes() == CONTENT
    found = s3.head_object(Bucket=bucket, Key="deep/large")
    assert (found["ETag"], found["Metadata"], found["ContentType"]) == (multipart_etag(PARTS), {"a": "1"}, "x/y")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == multipart_etag(PARTS)
    assert s3.get_object_tagging(Bucket=bucket, Key="deep/large")["TagSet"] == [{"Key": "t", "Value": "1"}]
    target = io.BytesIO()
    s3.download_fileobj(bucket, "deep/large", target, Config=config)
    assert target.getvalue() == CONTENT


def test_a_large_object_is_copied_in_parts(s3: S3Client, bucket: str, bucket_path: Path) -> None:
    config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
    s3.put_object(Bucket=bucket, Key="source +ä", Body=CONTENT)
    s3.copy({"Bucket": bucket, "Key": "source +ä"}, bucket, "copy", Config=config)
    assert (bucket_path / "copy").read_bytes() == CONTENT
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == multipart_etag(PARTS)


def test_an_upload_is_not_seen_before_it_is_complete(s3: S3Client, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    parts = uploaded_parts(s3, bucket, upload_id, PARTS)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert [upload["UploadId"] for upload in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload_id]
    listed = s3.list_parts(Bucket=bucket, Key="a", UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["ETag"], part["Size"]) for part in listed] == [
        (part["PartNumber"], part["ETag"], len(content)) for part, content in zip(parts, PARTS, strict=True)
    ]
    s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == CONTENT
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_parts_are_listed_page_by_page(s3: S3Client, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    uploaded_parts(s3, bucket, upload_id, [b"1", b"2", b"3"])
    pages: Any = s3.get_paginator("list_parts").paginate(
        Bucket=bucket, Key="a", UploadId=upload_id, PaginationConfig={"PageSize": 2}
    )
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 2], [3]]


def test_a_part_can_be_sent_again(s3: S3Client, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    uploaded_parts(s3, bucket, upload_id, [b"wrong"])
    parts = uploaded_parts(s3, bucket, upload_id, [b"right"])
    s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"right"


def test_an_aborted_upload_leaves_nothing(endpoint: Endpoint, s3: S3Client, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    uploaded_parts(s3, bucket, upload_id, [b"1"])
    s3.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=upload_id)
    assert not (endpoint.root / ".local_aws" / "uploads" / upload_id).exists()
    part = {"Bucket": bucket, "Key": "a", "UploadId": upload_id}
    assert refused(s3.upload_part, **part, PartNumber=1, Body=b"1") == (404, "NoSuchUpload")
    assert refused(s3.list_parts, **part) == (404, "NoSuchUpload")


def test_what_s3_would_not_put_together_is_refused(s3: S3Client, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    first, second, third = uploaded_parts(s3, bucket, upload_id, [PARTS[0], b"too small", b"last"])

    def completion(*parts: Any) -> tuple[int, str]:
        upload = {"Parts": list(parts)}
        return refused(s3.complete_multipart_upload, Bucket=bucket, Key="a", UploadId=upload_id, MultipartUpload=upload)

    assert completion(second, first) == (400, "InvalidPartOrder")
    assert completion(first, first) == (400, "InvalidPartOrder")
    assert completion(first, second, third) == (400, "EntityTooSmall")
    assert completion({"PartNumber": 1, "ETag": '"0123"'}) == (400, "InvalidPart")
    assert completion(first, {"PartNumber": 9, "ETag": third["ETag"]}) == (400, "InvalidPart")
    assert completion() == (400, "MalformedXML")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_completion_holds_to_its_condition(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"first")
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    completion: dict[str, Any] = {"Bucket": bucket, "Key": "a", "UploadId": upload_id}
    completion["MultipartUpload"] = {"Parts": uploaded_parts(s3, bucket, upload_id, [b"second"])}
    assert refused(s3.complete_multipart_upload, **completion, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"
    s3.complete_multipart_upload(**completion)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"second"


@pytest.mark.slow
def test_an_upload_outlives_a_restart(new_endpoint: Callable[[], Endpoint]) -> None:
    running = new_endpoint()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="fruits")
    upload_id = s3.create_multipart_upload(Bucket="fruits", Key="a", Metadata={"a": "1"})["UploadId"]
    parts = uploaded_parts(s3, "fruits", upload_id, PARTS[:1])
    running.stop()
    s3 = new_endpoint().client("s3")
    last = s3.upload_part(Bucket="fruits", Key="a", UploadId=upload_id, PartNumber=2, Body=b"last")
    parts.append({"PartNumber": 2, "ETag": last["ETag"]})
    s3.complete_multipart_upload(Bucket="fruits", Key="a", UploadId=upload_id, MultipartUpload={"Parts": parts})
    found = s3.get_object(Bucket="fruits", Key="a")
    assert (found["Body"].read(), found["Metadata"]) == (PARTS[0] + b"last", {"a": "1"})
