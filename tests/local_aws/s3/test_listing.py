"""Listings through boto3, against a plain computation of what S3 would answer."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_aws.s3.test_objects import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS = [
    "a",
    "a-b",
    "a.b",
    "b/1",
    "b/2/x",
    "b/2/y",
    "b/3",
    "b0",
    "photos/2026/jan/1.jpg",
    "photos/2026/jan/2.jpg",
    "photos/2026/feb/1.jpg",
    "photos/2026.txt",
    "photos/index",
    "z b+c%/é/1",
    "z b+c%/é/2",
    "Ä",
    "\N{GREEN APPLE}",
    "\ufffd",
]


@pytest.fixture(scope="module")
def filled(s3: S3Client) -> str:
    """A bucket that no test changes."""
    s3.create_bucket(Bucket="test-listing")
    for key in KEYS:
        s3.put_object(Bucket="test-listing", Key=key, Body=key.encode())
    return "test-listing"


def expected_items(prefix: str, delimiter: str) -> list[tuple[str, str]]:
    """Kind and name of each item of the whole listing, in S3's order, by S3's own description."""
    items: list[tuple[str, str]] = []
    for key in sorted(KEYS, key=lambda key: key.encode()):
        if not key.startswith(prefix):
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        item = ("prefix", prefix + head + found) if found else ("key", key)
        if item not in items:
            items.append(item)
    return items


def listed_items(pages: list[Any]) -> list[tuple[str, str]]:
    """The items of all pages; each page's are put in one order."""
    items = []
    for page in pages:
        names = [("key", found["Key"]) for found in page.get("Contents", [])]
        names += [("prefix", found["Prefix"]) for found in page.get("CommonPrefixes", [])]
        items += sorted(names, key=lambda item: item[1].encode())
    return items


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
@pytest.mark.parametrize("delimiter", ["", "/", "2", "b/"])
@pytest.mark.parametrize("prefix", ["", "b", "b/", "photos/2026", "photos/2026/", "z b+c%/", "nothing/", "a//", "./"])
def test_pages_together_are_what_s3_would_list(
    s3: S3Client, filled: str, operation: Any, prefix: str, delimiter: str, page_size: int
) -> None:
    paginator: Any = s3.get_paginator(operation)
    pages = list(
        paginator.paginate(Bucket=filled, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page_size})
    )
    contents = "Versions" if operation == "list_object_versions" else "Contents"
    items = listed_items([{**page, "Contents": page.get(contents, [])} for page in pages])
    assert items == expected_items(prefix, delimiter)
    assert all(len(page.get(contents, [])) + len(page.get("CommonPrefixes", [])) <= page_size for page in pages)
    assert [page["IsTruncated"] for page in pages] == [True] * (len(pages) - 1) + [False]


@pytest.mark.parametrize(
    "start_after", ["", "a", "a-", "b", "b/1", "b/2", "b/2/x", "b/9", "photos/2026/jan/1.jpg", "zz"]
)
def test_a_listing_starts_after_any_key_there_or_not(s3: S3Client, filled: str, start_after: str) -> None:
    found = s3.list_objects_v2(Bucket=filled, StartAfter=start_after)
    expected = [key for key in sorted(KEYS, key=str.encode) if key.encode() > start_after.encode()]
    assert [item["Key"] for item in found["Contents"]] == expected
    assert found["KeyCount"] == len(expected)


def test_each_object_has_size_etag_and_time(s3: S3Client, filled: str) -> None:
    for found in s3.list_objects_v2(Bucket=filled)["Contents"]:
        content = found["Key"].encode()
        assert (found["Size"], found["ETag"]) == (len(content), f'"{hashlib.md5(content).hexdigest()}"')
        assert found["LastModified"] == s3.head_object(Bucket=filled, Key=found["Key"])["LastModified"]


def test_no_keys_are_asked_for_and_none_are_given(s3: S3Client, filled: str) -> None:
    found = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (found["KeyCount"], found["IsTruncated"]) == (0, False)


def test_nonsense_is_refused(s3: S3Client, filled: str) -> None:
    assert refused(s3.list_objects_v2, Bucket=filled, ContinuationToken="%") == (400, "InvalidArgument")
    assert refused(s3.list_objects_v2, Bucket=filled, MaxKeys=-1) == (400, "InvalidArgument")


def test_a_listing_goes_on_although_the_key_it_stopped_at_is_gone(s3: S3Client, bucket: str) -> None:
    for key in ("b/1", "b/2/x", "b/2/y", "b/3"):
        s3.put_object(Bucket=bucket, Key=key)
    first = s3.list_objects_v2(Bucket=bucket, Prefix="b/", MaxKeys=2)
    s3.delete_object(Bucket=bucket, Key="b/2/x")
    rest = s3.list_objects_v2(Bucket=bucket, Prefix="b/", ContinuationToken=first["NextContinuationToken"])
    assert [found["Key"] for found in rest["Contents"]] == ["b/2/y", "b/3"]


@pytest.mark.slow
def test_ten_thousand_new_files_are_listed_page_by_page_and_not_one_by_one(
    s3: S3Client, bucket: str, bucket_path: Path
) -> None:
    """Takes about 20 times as long as reading the files, most of it botocore's; a request for each would be 600."""
    ratios = []
    for attempt in ("first", "second"):  # other work on the machine may spoil one
        (bucket_path / attempt).mkdir()
        files = [bucket_path / attempt / f"{number:05}.jpg" for number in range(10_000)]
        for number, file in enumerate(files):
            file.write_bytes(b"%d" % number * 100)
        started = time.monotonic()
        etags = [f'"{hashlib.md5(file.read_bytes()).hexdigest()}"' for file in files]
        read_s = time.monotonic() - started
        started = time.monotonic()
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{attempt}/")
        found = [item for page in pages for item in page["Contents"]]
        ratios.append((time.monotonic() - started) / read_s)
        assert [item["Key"] for item in found] == [f"{attempt}/{number:05}.jpg" for number in range(10_000)]
        assert [item["ETag"] for item in found] == etags
    assert min(ratios) < 100, ratios
