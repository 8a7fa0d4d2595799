"""Which rows of a manifest the feature store has the answer for already, so that they need not be fetched."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.functions import col, count, lit, when
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.images.formats import Reject, reject_by_listing, reject_no_image
from image_features.ingest.manifest import FetchRow
from image_features.ingest.packs import MAX_OBJECT_BYTES
from image_features.schemas import IN_FILES_OF_REJECTS, TO_FETCH
from image_features.storage.datasets import persisted
from image_features.storage.feature_store import by_etag

_REJECTS = to_arrow_schema(IN_FILES_OF_REJECTS)
_UNREAD, _NO_IMAGE, _SOUND, _TO_FETCH = "unread", "no image", "sound", "to fetch"


@dataclass(frozen=True)
class Judged:
    """A manifest's rows by what is known of them."""

    frame: DataFrame
    counts: dict[str, int]

    @property
    def known(self) -> int:
        return self.counts.get(_SOUND, 0) + self.counts.get(_NO_IMAGE, 0)

    def to_fetch(self) -> Iterator[FetchRow]:
        """In the order of their URIs, partition by partition: the driver never holds them all."""
        rows = self.frame.where(col("state") == _TO_FETCH).select(*TO_FETCH.names).orderBy("uri")
        return (FetchRow(*row) for row in rows.toLocalIterator(prefetchPartitions=True))

    def rejects(self) -> DataFrame:
        rejected = self.frame.where(col("state").isin(_UNREAD, _NO_IMAGE))
        return rejected.select("image_id", "uri", "size_bytes", "first_bytes").mapInArrow(
            _reject_batches, IN_FILES_OF_REJECTS
        )


@contextmanager
def judged(manifest: DataFrame, store_objects: DataFrame, vectors: DataFrame | None) -> Iterator[Judged]:
    """For the block. `vectors` are those of this run's identity, None if there are none.

    All columns are narrow, so joins cost little; nothing here grows on the driver.
    """
    joined = manifest.select(*TO_FETCH.names).join(by_etag(store_objects), ["etag", "size_bytes"], "left")
    has_vector = lit(False)
    if vectors is not None:
        computed = vectors.select("content_sha256").distinct().withColumn("has_vector", lit(True))
        joined, has_vector = joined.join(computed, "content_sha256", "left"), col("has_vector")
    state = (
        when((col("size_bytes") == 0) | (col("size_bytes") > MAX_OBJECT_BYTES), _UNREAD)
        .when(~col("is_image"), _NO_IMAGE)
        .when(has_vector, _SOUND)
        .otherwise(_TO_FETCH)
    )
    with persisted(joined.select(*TO_FETCH.names, "first_bytes", state.alias("state"))) as frame:
        counts = frame.groupBy("state").agg(count(lit(1)).alias("rows")).collect()
        yield Judged(frame, {row["state"]: row["rows"] for row in counts})


def _reject_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = []
        for row in batch.to_pylist():
            reject = known_reject(row["uri"], row["size_bytes"], row["first_bytes"])
            rows.append({"image_id": row["image_id"], "uri": row["uri"], **reject.__dict__})
        yield pa.RecordBatch.from_pylist(rows, schema=_REJECTS)


def known_reject(uri: str, size_bytes: int, first_bytes: bytes) -> Reject:
    """As it would be if the object were fetched: the reason depends on its name too, which may be a new one."""
    return reject_by_listing(uri, size_bytes, MAX_OBJECT_BYTES) or reject_no_image(uri, first_bytes)
