"""Listings as S3 gives them, page after page or cut into parts, against botocore's own paginator."""

import csv
import gzip
import io
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emr_pipeline.s3 import listing
from emr_pipeline.s3.inventory import Entry
from emr_pipeline.s3.listing import compare_with_inventory, list_entries

ODD = ["a+b%20.jpg", "a b.jpg", "a&<>.jpg", "é🍎.jpg", "dotted.../x.jpg", "'q\"uoted'.jpg"]
NUMBERED = [f"n/{number:04d}.jpg" for number in range(100)]
URI = "s3://pictures/landing"


@pytest.fixture(scope="module")
def keys() -> list[str]:
    return sorted(f"landing/{name}" for name in [*ODD, *NUMBERED])


@pytest.fixture
def filled(s3: Any, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """106 objects, on 11 pages, and two that have nearly the source's prefix."""
    monkeypatch.setattr(listing, "PAGE_OBJECTS", 10)
    for number, key in enumerate(keys):
        s3.put_object(Bucket="pictures", Key=key, Body=b"x" * (number % 7))
    s3.put_object(Bucket="pictures", Key="landing-old/no.jpg", Body=b"")
    s3.put_object(Bucket="pictures", Key="landing", Body=b"")
    return s3


def as_botocore_lists(s3: Any) -> list[Entry]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="pictures", Prefix="landing/")
    return [
        (found["Key"], found["Size"], found["ETag"].strip('"')) for page in pages for found in page.get("Contents", [])
    ]


def put_inventory(s3: Any, entries: list[Entry]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("key", "size_bytes", "etag"), *entries])
    s3.put_object(Bucket="pictures", Key="runs/r/inventory.csv.gz", Body=gzip.compress(text.getvalue().encode()))
    return "s3://pictures/runs/r/inventory.csv.gz"


@pytest.mark.parametrize("uri", [URI, f"{URI}/"])
def test_a_listing_is_what_botocore_lists_below_the_folder(filled: Any, keys: list[str], uri: str) -> None:
    expected = as_botocore_lists(filled)

    assert list(list_entries(filled, uri)) == expected
    assert [entry[0] for entry in expected] == keys


@pytest.mark.parametrize("cuts_at", [[0], [9], [53], [105], range(0, 100, 10), range(0, 106, 3)])
def test_parts_side_by_side_give_the_same_listing_in_the_same_order(filled: Any, keys: list[str], cuts_at: Any) -> None:
    assert list(list_entries(filled, URI, [keys[at] for at in cuts_at])) == as_botocore_lists(filled)


def test_cuts_at_keys_that_are_gone_and_parts_without_a_key_lose_nothing(filled: Any) -> None:
    cuts = [
        "landing/ 0",
        "landing/ 1",
        "landing/n/0100.jpg.gone",
        "landing/n/0100.jpg.gone2",
        "landing/z",
        "landing/zz",
    ]

    assert list(list_entries(filled, URI, cuts)) == as_botocore_lists(filled)


def test_a_part_longer_than_what_is_read_ahead_is_read_on(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGES_AHEAD", 1)

    assert list(list_entries(filled, URI, ["landing/a", "landing/b"])) == as_botocore_lists(filled)


def test_a_bucket_and_an_empty_folder_can_be_listed(filled: Any, keys: list[str]) -> None:
    assert len(list(list_entries(filled, "s3://pictures"))) == len(keys) + 2
    assert list(list_entries(filled, "s3://pictures/nothing")) == []
    assert list(list_entries(filled, "s3://pictures/nothing", ["nothing/a"])) == []


@pytest.mark.parametrize("cuts", [(), ("landing/a",)])
def test_what_s3_refuses_is_botocores_own_error(filled: Any, cuts: tuple[str, ...]) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        list(list_entries(filled, "s3://no-such-bucket/landing", cuts))


def test_no_thread_is_left_when_a_listing_is_not_read_to_its_end(filled: Any, keys: list[str]) -> None:
    entries = list_entries(filled, URI, keys[::5])
    next(entries)
    entries.close()  # type: ignore[attr-defined]

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("list-objects")] == []


def test_a_source_is_compared_with_an_inventory(filled: Any, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PART_OBJECTS", 20)
    inventory_uri = put_inventory(filled, as_botocore_lists(filled))

    same = compare_with_inventory(filled, URI, inventory_uri)
    filled.put_object(Bucket="pictures", Key=keys[7], Body=b"other bytes")
    filled.put_object(Bucket="pictures", Key="landing/zzz/new.jpg", Body=b"new")
    filled.delete_object(Bucket="pictures", Key=keys[70])
    changes = compare_with_inventory(filled, URI, inventory_uri)

    assert (same.is_any, same.objects) == (False, 106)
    assert (changes.new, changes.changed, changes.gone, changes.objects) == (1, 1, 1, 106)


@pytest.mark.parametrize("uri", [None, "s3://pictures/runs/deleted/inventory.csv.gz"])
def test_without_an_inventory_everything_is_new(filled: Any, uri: str | None) -> None:
    assert compare_with_inventory(filled, URI, uri).new == 106
