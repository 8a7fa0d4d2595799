"""Fetches the objects of a manifest on the workers, many requests in flight, and sets aside what is no image."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from pyspark.accumulators import Accumulator
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from image_features import objects
from image_features.errors import ObjectNotFoundError
from image_features.outcomes import outcome_schema
from image_features.packing import MAX_OBJECT_BYTES
from image_features.schemas import IMAGES
from image_features.sniffing import Reject, reject_by_content, reject_by_listing

REQUESTS_IN_FLIGHT = 32
# Rows go back to Spark in batches of about this, so that a pack is not held a second time as a whole.
_BATCH_BYTES = 8 * 2**20
_OUTCOMES = to_arrow_schema(outcome_schema(IMAGES))

Row = dict[str, Any]


def fetch_images(manifest: DataFrame, done: Accumulator[int]) -> DataFrame:
    """The outcome of each row of `manifest`; `done` counts them as tasks end. One file of `manifest`, one task."""
    return manifest.mapInArrow(_outcomes(done.add), outcome_schema(IMAGES))


def _outcomes(count: Callable[[int], None]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def outcomes(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="fetch") as pool:
            for batch in batches:
                # All of a pack may be in flight or waiting here: its bytes are bounded where packs are made.
                yield from _in_batches(pool.map(fetch, batch.to_pylist()))
                count(batch.num_rows)

    return outcomes


def fetch(row: Row) -> Row:
    """The outcome of one manifest row; an object that is gone is a reject, a store that fails is an error."""
    uri = row["uri"]
    reject = reject_by_listing(uri, row["size_bytes"], MAX_OBJECT_BYTES)
    if reject:
        return _rejected(row, reject)
    try:
        stored = objects.read_object(uri, MAX_OBJECT_BYTES, REQUESTS_IN_FLIGHT)
    except ObjectNotFoundError:
        return _rejected(row, Reject("object_vanished", "listed, and gone when it was read"))
    # It may have been replaced since it was listed: what was read counts.
    reject = reject_by_listing(uri, stored.size_bytes, MAX_OBJECT_BYTES) or reject_by_content(uri, stored.content)
    if reject:
        return _rejected(row, reject)
    return {**_place(row), "etag": stored.etag, "content": stored.content}


def _rejected(row: Row, reject: Reject) -> Row:
    return {**_place(row), "reason": reject.reason, "detail": reject.detail}


def _place(row: Row) -> Row:
    return {column: row[column] for column in ("image_id", "uri", "label", "split", "etag")}


def _in_batches(rows: Iterator[Row]) -> Iterator[pa.RecordBatch]:
    batch: list[Row] = []
    size_bytes = 0
    for row in rows:
        batch.append(row)
        size_bytes += len(row.get("content", b""))
        if size_bytes >= _BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(batch, schema=_OUTCOMES)
            batch, size_bytes = [], 0
    if batch:
        yield pa.RecordBatch.from_pylist(batch, schema=_OUTCOMES)
