"""Fetches packs of objects on the workers, many requests in flight: images to the run, facts to the store."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark import RDD, SparkContext
from pyspark.accumulators import Accumulator
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import ObjectNotFoundError
from image_features.images.formats import KEPT_BYTES, Reject, reject_by_content, reject_by_listing
from image_features.ingest.packs import MAX_OBJECT_BYTES, MAX_PACK_IMAGES
from image_features.schemas import IMAGES, OBJECTS, TO_FETCH
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.parquet_files import read_part, write_part

REQUESTS_IN_FLIGHT = 32
# Content goes into the file of images in batches of about this, so that a pack is held twice at most.
_BATCH_BYTES = 8 * 2**20
_IMAGES = to_arrow_schema(IMAGES)
_OBJECTS = to_arrow_schema(OBJECTS)

Row = dict[str, Any]
RejectRow = tuple[str, str, str, str | None]
"""image_id, uri, reason, detail."""


@dataclass
class Fetched:
    """One object: its row of `images` or why it has none, and what the store is to know of it if it was read."""

    image: Row | None = None
    reject: RejectRow | None = None
    known: Row | None = None


@dataclass
class _PackOutcome:
    rejects: list[RejectRow] = field(default_factory=list)
    known: list[Row] = field(default_factory=list)


def fetch_packs(
    context: SparkContext, pack_uris: list[str], images_uri: str, objects_uri: str, done: Accumulator[int]
) -> RDD[RejectRow]:
    """The rejects; one task a pack, which writes its images and what it learned itself. `done` counts rows."""

    def fetch_one(pack_uri: str) -> list[RejectRow]:
        rows, rejects = fetch_pack(pack_uri, images_uri, objects_uri)
        done.add(rows)
        return rejects

    # The last packs are the largest; they go first, so that no core waits long for another at the end.
    return one_task_each(context, pack_uris[::-1], fetch_one).flatMap(lambda rejects: rejects)


def fetch_pack(pack_uri: str, images_uri: str, objects_uri: str) -> tuple[int, list[RejectRow]]:
    """How many rows the pack has, and those of them that are rejects."""
    batches = read_part(pack_uri, TO_FETCH.names, MAX_PACK_IMAGES)
    rows = [row for batch in batches for row in batch.to_pylist()]
    outcome = _PackOutcome()
    with ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="fetch") as pool:
        # All of a pack may be in flight or waiting here: its bytes are bounded where packs are made.
        images = _images(pool.map(fetch, rows), outcome)
        # Written also when it is empty: an earlier attempt at this pack may have found an image.
        write_part(images_uri, _in_batches(images), _IMAGES, [row["image_id"] for row in rows])
    if outcome.known:
        batch = pa.RecordBatch.from_pylist(outcome.known, schema=_OBJECTS)
        write_part(objects_uri, [batch], _OBJECTS, [f"{row['etag']} {row['size_bytes']}" for row in outcome.known])
    return len(rows), outcome.rejects


def fetch(row: Row) -> Fetched:
    """The outcome of one row; an object that is gone is a reject, a store that fails is an error."""
    uri = row["uri"]
    reject = reject_by_listing(uri, row["size_bytes"], MAX_OBJECT_BYTES)
    if reject:
        return Fetched(reject=reject_row(row, reject))
    try:
        stored = objects.read_object(uri, MAX_OBJECT_BYTES, REQUESTS_IN_FLIGHT)
    except ObjectNotFoundError:
        return Fetched(reject=reject_row(row, Reject("object_vanished", "listed, and gone when it was read")))
    # It may have been replaced since it was listed: what was read counts.
    reject = reject_by_listing(uri, stored.size_bytes, MAX_OBJECT_BYTES)
    if reject:
        return Fetched(reject=reject_row(row, reject))
    reject = reject_by_content(uri, stored.content)
    read = {
        "etag": stored.etag,
        "size_bytes": stored.size_bytes,
        "content_sha256": hashlib.sha256(stored.content).hexdigest(),
    }
    known = {**read, "is_image": reject is None, "first_bytes": stored.content[:KEPT_BYTES]}
    if reject:
        return Fetched(reject=reject_row(row, reject), known=known)
    place = {column: row[column] for column in ("image_id", "uri", "label", "split")}
    return Fetched(image={**place, **read, "content": stored.content}, known=known)


def write_no_images(images_uri: str) -> None:
    """A dataset without a row, for a run that has nothing to fetch."""
    write_part(images_uri, [], _IMAGES, [])


def reject_row(row: Row, reject: Reject) -> RejectRow:
    return row["image_id"], row["uri"], reject.reason, reject.detail


def _images(outcomes: Iterable[Fetched], outcome: _PackOutcome) -> Iterator[Row]:
    """The images alone; all else goes to `outcome`."""
    for fetched in outcomes:
        if fetched.known:
            outcome.known.append(fetched.known)
        if fetched.reject:
            outcome.rejects.append(fetched.reject)
        if fetched.image:
            yield fetched.image


def _in_batches(images: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    batch: list[Row] = []
    size_bytes = 0
    for image in images:
        batch.append(image)
        size_bytes += len(image["content"])
        if size_bytes >= _BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(batch, schema=_IMAGES)
            batch, size_bytes = [], 0
    if batch:
        yield pa.RecordBatch.from_pylist(batch, schema=_IMAGES)
