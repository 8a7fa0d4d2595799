"""Workers fetch packs of objects, many requests at once: images and rejects to the run, facts to the store."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark import SparkContext
from pyspark.accumulators import Accumulator
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import ObjectNotFoundError
from image_features.images.formats import KEPT_BYTES, reject_by_content, reject_by_listing
from image_features.ingest.packs import MAX_OBJECT_BYTES, MAX_PACK_IMAGES
from image_features.rejects import Reject
from image_features.schemas import IMAGES, OBJECTS, TO_FETCH
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.datasets import REJECT_FILES, write_rejects
from image_features.storage.parquet_files import read_part, write_part

REQUESTS_IN_FLIGHT = 32
# Content goes into the file of images in batches of about this size, so that a pack is held in memory twice at most.
_BATCH_BYTES = 8 * 2**20
_IMAGES = to_arrow_schema(IMAGES)
_OBJECTS = to_arrow_schema(OBJECTS)

Row = dict[str, Any]


@dataclass(frozen=True)
class Targets:
    """The URIs that packs are fetched to: the run's images, the store's objects, and the stage's rejects."""

    images_uri: str
    objects_uri: str
    rejects_uri: str


@dataclass(frozen=True)
class Fetched:
    """The outcome for one object: its row of `images` or a reject, and what the store keeps of it if it was read."""

    image: Row | None = None
    reject: Reject | None = None
    known: Row | None = None


@dataclass
class _PackOutcome:
    rejects: list[Row] = field(default_factory=list)
    known: list[Row] = field(default_factory=list)


def fetch_packs(context: SparkContext, pack_uris: list[str], targets: Targets, done: Accumulator[int]) -> Counter[str]:
    """Fetch every pack, one task each, and return how many rejects there are of each reason.

    Replaces the dataset `images`. `done` counts objects as tasks end.
    """

    def fetch_one(pack_uri: str) -> Counter[str]:
        rows, rejects = fetch_pack(pack_uri, targets)
        done.add(rows)
        return rejects

    objects.delete_prefix(targets.images_uri)
    if not pack_uris:
        # A run that has nothing to fetch has the dataset nevertheless.
        write_part(targets.images_uri, [], _IMAGES, [])
    # The last packs are the largest. They go first, so that no core waits long for another at the end.
    return sum(one_task_each(context, pack_uris[::-1], fetch_one).collect(), Counter())


def fetch_pack(pack_uri: str, targets: Targets) -> tuple[int, Counter[str]]:
    """Fetch the objects of one pack; return how many rows it has, and how many rejects there are of each reason."""
    rows = [row for batch in read_part(pack_uri, TO_FETCH.names, MAX_PACK_IMAGES) for row in batch.to_pylist()]
    ids = [row["image_id"] for row in rows]
    outcome = _PackOutcome()
    with ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="fetch") as pool:
        # All of a pack may be in flight or waiting here: its bytes are bounded where packs are made.
        images = _images(rows, pool.map(fetch, rows), outcome)
        # It is written also when it is empty: an earlier attempt at this pack may have found an image.
        write_part(targets.images_uri, _in_batches(images), _IMAGES, ids)
    if outcome.known:
        batch = pa.RecordBatch.from_pylist(outcome.known, schema=_OBJECTS)
        keys = [f"{row['etag']} {row['size_bytes']}" for row in outcome.known]
        write_part(targets.objects_uri, [batch], _OBJECTS, keys)
    return len(rows), write_rejects(pa.Table.from_pylist(outcome.rejects, REJECT_FILES), targets.rejects_uri, ids)


def fetch(row: Row) -> Fetched:
    """Fetch one object; an object that is gone is a reject, and a store that fails is an error."""
    uri = row["uri"]
    reject = reject_by_listing(uri, row["size_bytes"], MAX_OBJECT_BYTES)
    if reject:
        return Fetched(reject=reject)
    try:
        stored = objects.read_object(uri, MAX_OBJECT_BYTES, REQUESTS_IN_FLIGHT)
    except ObjectNotFoundError:
        return Fetched(reject=Reject("object_vanished", "listed, and gone when it was read"))
    # It may have been replaced since it was listed: what was read counts.
    reject = reject_by_listing(uri, stored.size_bytes, MAX_OBJECT_BYTES)
    if reject:
        return Fetched(reject=reject)
    reject = reject_by_content(uri, stored.content)
    read = {
        "etag": stored.etag,
        "size_bytes": stored.size_bytes,
        "content_sha256": hashlib.sha256(stored.content).hexdigest(),
    }
    known = {**read, "is_image": reject is None, "first_bytes": stored.content[:KEPT_BYTES]}
    if reject:
        return Fetched(reject=reject, known=known)
    place = {column: row[column] for column in ("image_id", "uri", "label", "split")}
    return Fetched(image={**place, **read, "content": stored.content}, known=known)


def _images(rows: Iterable[Row], fetched: Iterable[Fetched], outcome: _PackOutcome) -> Iterator[Row]:
    """Yield the images alone; all else goes to `outcome`."""
    for row, one in zip(rows, fetched, strict=True):
        if one.known:
            outcome.known.append(one.known)
        if one.reject:
            outcome.rejects.append({"image_id": row["image_id"], "uri": row["uri"], **vars(one.reject)})
        if one.image:
            yield one.image


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
