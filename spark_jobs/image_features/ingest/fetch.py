"""Workers fetch packs of objects, many requests at once: images and rejects to the run, facts to the store."""

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark import SparkContext
from pyspark.accumulators import Accumulator
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import AccessDeniedError, ObjectNotFoundError, ObjectStoreError
from image_features.images.formats import KEPT_BYTES, reject_by_content, reject_no_image
from image_features.ingest.arguments import IngestArguments
from image_features.ingest.manifest import reject_unread
from image_features.ingest.packs import MAX_OBJECT_BYTES, MAX_PACK_IMAGES, mixed
from image_features.rejects import Reject
from image_features.schemas import IMAGES, OBJECTS, TO_FETCH
from image_features.spark_tasks import one_task_each
from image_features.storage import feature_store, objects
from image_features.storage.datasets import REJECT_FILES, write_rejects
from image_features.storage.parquet_files import read_part, write_part
from run_contract.stages import INGEST

REQUESTS_IN_FLIGHT = 32
# Content goes into the file of images in batches of about this size, so that a pack is held in memory twice at most.
_BATCH_BYTES = 8 * 2**20
_IMAGES = to_arrow_schema(IMAGES)
_OBJECTS = to_arrow_schema(OBJECTS)

# What S3 answers for the sake of one object, besides KMS's codes. Any other refusal is the store's, and ends the stage.
_OF_THE_OBJECT = ("KeyTooLongError", "InvalidURI", "InvalidArgument", "InvalidRequest", "MethodNotAllowed")

Row = dict[str, Any]


@dataclass(frozen=True)
class Fetched:
    """The outcome for one object: a reject, or its content; `read` is what the store keeps of it if it was read."""

    reject: Reject | None
    read: Row | None = None
    content: bytes = b""


def fetch_packs(
    context: SparkContext, pack_uris: list[str], arguments: IngestArguments, done: Accumulator[int]
) -> Counter[str]:
    """Fetch every pack, one task each; count the rejects of each reason, and the objects `fetched` and `known`.

    Replaces the dataset `images`. `done` counts objects as tasks end.
    """

    def fetch_one(pack_uri: str) -> Counter[str]:
        counts, rows = fetch_pack(pack_uri, arguments)
        done.add(rows)
        return counts

    objects.delete_prefix(arguments.images_uri)
    if not pack_uris:
        # A run that has nothing to fetch has the dataset nevertheless.
        write_part(arguments.images_uri, [], _IMAGES, [])
    return sum(one_task_each(context, mixed(pack_uris), fetch_one).collect(), Counter())


def fetch_pack(pack_uri: str, arguments: IngestArguments) -> tuple[Counter[str], int]:
    """Fetch the objects of one pack; return the counts of `fetch_packs`, and how many rows the pack has."""
    rows = [row for batch in read_part(pack_uri, TO_FETCH.names, MAX_PACK_IMAGES) for row in batch.to_pylist()]
    ids = [row["image_id"] for row in rows]
    with ThreadPoolExecutor(REQUESTS_IN_FLIGHT, thread_name_prefix="fetch") as pool:
        # All of a pack is held here: its bytes are bounded where packs are made.
        outcomes = list(zip(rows, pool.map(functools.partial(fetch, arguments.source_uri), rows), strict=True))
    # It is written also when it is empty: an earlier attempt at this pack may have found an image.
    write_part(arguments.images_uri, _image_batches(outcomes), _IMAGES, ids)
    read = [one.read for _, one in outcomes if one.read]
    if read:
        objects_uri = feature_store.objects_uri(arguments.feature_store_uri)
        keys = [f"{row['etag']} {row['size_bytes']}" for row in read]
        write_part(objects_uri, [pa.RecordBatch.from_pylist(read, schema=_OBJECTS)], _OBJECTS, keys)
    rejects = [
        {"image_id": row["image_id"], "uri": row["uri"], **vars(one.reject)} for row, one in outcomes if one.reject
    ]
    counts = write_rejects(pa.Table.from_pylist(rejects, REJECT_FILES), arguments.rejects_uri, INGEST, ids)
    counts["fetched"] = len(read)
    counts["known"] = sum(row.get("first_bytes") is not None for row in rows)
    return counts, len(rows)


def fetch(source_uri: str, row: Row) -> Fetched:
    """Fetch one object; a refusal for the object's own sake is a reject, and any other refusal an error."""
    uri = row["uri"]
    reject = reject_unread(uri, source_uri, row["size_bytes"])
    if reject:
        return Fetched(reject)
    if row.get("first_bytes") is not None:
        # The reason depends on the object's name too, which may be a new one for known bytes.
        return Fetched(reject_no_image(uri, row["first_bytes"]))
    try:
        stored = objects.read_object(uri, MAX_OBJECT_BYTES, REQUESTS_IN_FLIGHT)
    except ObjectNotFoundError:
        return Fetched(Reject("object_vanished", "listed, and gone when it was read"))
    except (AccessDeniedError, ObjectStoreError) as error:
        return Fetched(_own_refusal(error))
    # It may have been replaced since it was listed: what was read counts.
    reject = reject_unread(uri, source_uri, stored.size_bytes)
    if reject:
        return Fetched(reject)
    reject = reject_by_content(uri, stored.content)
    read = {
        "etag": stored.etag,
        "size_bytes": stored.size_bytes,
        "content_sha256": hashlib.sha256(stored.content).hexdigest(),
        "is_image": reject is None,
        "first_bytes": stored.content[:KEPT_BYTES],
    }
    return Fetched(reject, read, stored.content)


def _own_refusal(error: AccessDeniedError | ObjectStoreError) -> Reject:
    """Return the reject of an object that cannot be handed out; raises the error again if it is not the object's."""
    if isinstance(error, AccessDeniedError):
        return Reject("object_refused", f"{error.action} is denied for this object, or for its key in KMS")
    if error.code == "InvalidObjectState":
        return Reject("object_archived", "its storage class is an archive, and it is not restored")
    if error.code in _OF_THE_OBJECT or error.code.startswith("KMS."):
        return Reject("object_refused", f"{error.code}: {error.detail}")
    raise error


def _image_batches(outcomes: Iterable[tuple[Row, Fetched]]) -> Iterator[pa.RecordBatch]:
    batch: list[Row] = []
    size_bytes = 0
    for row, one in outcomes:
        if not one.reject:
            # Of the columns that both have, those of the object as it was read count.
            batch.append({**row, **(one.read or {}), "content": one.content})
            size_bytes += len(one.content)
        if size_bytes >= _BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(batch, schema=_IMAGES)
            batch, size_bytes = [], 0
    if batch:
        yield pa.RecordBatch.from_pylist(batch, schema=_IMAGES)
