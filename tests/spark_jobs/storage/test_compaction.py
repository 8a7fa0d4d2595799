"""Files of the feature store and the inventory: whole, named after their content, put together without a loss."""

import csv
import gzip
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_features.errors import DamagedFileError
from image_features.ingest.inventory import inventory_at
from image_features.storage import compaction, objects
from image_features.storage.compaction import MERGED_BYTES, SMALL_BYTES, merge
from image_features.storage.objects import ListedObject
from image_features.storage.parquet_files import data_files, grouped, part_name, read_part, write_part
from tests.spark_jobs.stored_datasets import exists

SCHEMA = pa.schema([("content_sha256", pa.string()), ("features", pa.list_(pa.float32()))])
LISTED_AT = datetime(2026, 11, 21, tzinfo=UTC)


def _batch(first: int, last: int) -> pa.RecordBatch:
    rows = [{"content_sha256": f"{number:02d}", "features": [number, 0.5]} for number in range(first, last)]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _rows(uri: str) -> list[dict[str, object]]:
    return [row for batch in read_part(uri, SCHEMA.names, 3) for row in batch.to_pylist()]


def test_a_file_is_named_after_its_keys_in_any_order_and_by_nothing_else(prefix_uri: str, endpoint: Path) -> None:
    one = write_part(prefix_uri, [_batch(0, 4)], SCHEMA, ["a", "b"])
    assert write_part(prefix_uri, [_batch(0, 2), _batch(2, 4)], SCHEMA, ["b", "a"]) == one
    assert _rows(one) == _batch(0, 4).to_pylist()
    assert len({part_name(keys) for keys in (["a", "b"], ["ab"], ["a"], [])}) == 4


def test_a_file_that_fails_on_its_way_is_never_seen(prefix_uri: str, endpoint: Path) -> None:
    def batches():  # type: ignore[no-untyped-def]
        yield _batch(0, 4)
        raise RuntimeError("the worker is lost")

    with pytest.raises(RuntimeError):
        write_part(prefix_uri, batches(), SCHEMA, ["a"])
    assert list(objects.list_objects(prefix_uri)) == []


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", None])
def test_a_damaged_file_is_named(prefix_uri: str, endpoint: Path, content: bytes | None) -> None:
    uri = write_part(prefix_uri, [_batch(0, 100)], SCHEMA, ["a"])
    whole = objects.read_bytes(uri)
    objects.write_bytes(uri, whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(DamagedFileError, match=re.escape(uri)):
        _rows(uri)


def test_merged_files_hold_every_row_once_and_a_repeated_merge_changes_nothing(
    prefix_uri: str, endpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "SMALL_BYTES", 64)
    uris = [write_part(prefix_uri, [_batch(n, n + 2)], SCHEMA, [str(n)]) for n in range(0, 8, 2)]
    contents = {uri: objects.read_bytes(uri) for uri in uris}
    merge(uris, prefix_uri, SCHEMA)
    (merged,) = data_files(prefix_uri)
    assert _rows(merged.uri) == _batch(0, 8).to_pylist()
    # As a task does that was lost after its write and before its deletes.
    for uri, content in contents.items():
        objects.write_bytes(uri, content)
    merge(uris, prefix_uri, SCHEMA)
    assert [part.uri for part in data_files(prefix_uri)] == [merged.uri]


@given(st.lists(st.integers(1, SMALL_BYTES - 1), max_size=60))
def test_groups_to_merge_hold_every_file_once_and_are_bounded(sizes: list[int]) -> None:
    parts = [ListedObject(f"s3://b/{number}", size, "e", LISTED_AT) for number, size in enumerate(sizes)]
    groups = list(grouped(parts, MERGED_BYTES))
    assert [part for group in groups for part in group] == parts
    assert all(0 < sum(part.size_bytes for part in group) <= MERGED_BYTES for group in groups)


def test_an_inventory_whose_listing_fails_is_not_there(prefix_uri: str, endpoint: Path) -> None:
    with pytest.raises(RuntimeError), inventory_at(f"{prefix_uri}/inventory.csv.gz") as note:
        note(ListedObject("s3://b/a", 1, "e", LISTED_AT))
        raise RuntimeError("the store does not answer")
    assert not exists(f"{prefix_uri}/inventory.csv.gz")


def test_an_inventory_keeps_any_key_as_it_is(prefix_uri: str, endpoint: Path) -> None:
    keys = ["a,b", 'a"b', "a\nb", "a\rb", "a\r\nb", " a ", "a%20b", "\U0001f351", "\uff5e"]
    listed = [ListedObject(f"s3://b/{key}", number, f"e{number}", LISTED_AT) for number, key in enumerate(keys)]
    with inventory_at(f"{prefix_uri}/inventory.csv.gz") as note:
        for one in listed:
            note(one)
    text = gzip.decompress(objects.read_bytes(f"{prefix_uri}/inventory.csv.gz")).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["key", "size_bytes", "etag"],
        *([key, str(number), f"e{number}"] for number, key in enumerate(keys)),
    ]
