"""The objects of a manifest that the feature store has the answer for already, so that they need not be fetched."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, lit, when

from image_features.images.formats import reject_by_listing, reject_no_image
from image_features.ingest.arguments import IngestArguments
from image_features.ingest.manifest import FetchRow
from image_features.ingest.packs import MAX_OBJECT_BYTES
from image_features.ingest.source_listing import ManifestTotals, write_packs
from image_features.networks.identity import known_weights_sha256, store_identity
from image_features.rejects import Reject
from image_features.schemas import MANIFEST, OBJECTS, TO_FETCH, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import REJECT_FILES, persisted, read_dataset, write_rejects

_UNREAD, _NO_IMAGE, _SOUND, _TO_FETCH = "unread", "no image", "sound", "to fetch"


@dataclass(frozen=True)
class KnownObjects:
    """What is left to fetch of a manifest, pack by pack, and what became of the rest.

    `objects` is the number of those that the store knows; `rejects` counts its rejects by their reason.
    """

    pack_uris: list[str]
    objects: int = 0
    rejects: Counter[str] = field(default_factory=Counter)


def set_known_aside(
    spark: SparkSession, arguments: IngestArguments, totals: ManifestTotals, packs_uri: str, rejects_uri: str
) -> KnownObjects:
    """Write packs of what is to be fetched under `packs_uri`, and the rejects among what is known.

    Where the store knows nothing, all of the manifest is to be fetched, as its own files have it.
    """
    objects_uri = feature_store.objects_uri(arguments.feature_store_uri)
    sha256 = known_weights_sha256(arguments) if feature_store.has_parts(objects_uri) else None
    if sha256 is None:
        return KnownObjects(totals.pack_uris)
    vectors_uri = feature_store.vectors_uri(arguments.feature_store_uri, store_identity(arguments, sha256))
    vectors = read_dataset(spark, vectors_uri, VECTORS) if feature_store.has_parts(vectors_uri) else None
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    with persisted(_judged(manifest, read_dataset(spark, objects_uri, OBJECTS), vectors)) as judged:
        counted = judged.groupBy("state").agg(count(lit(1)).alias("rows")).collect()
        rows = {row["state"]: row["rows"] for row in counted}
        pack_uris = write_packs(_to_fetch(judged), packs_uri, TO_FETCH)
        rejects = _write_rejects(judged, rejects_uri)
    return KnownObjects(pack_uris, rows.get(_SOUND, 0) + rows.get(_NO_IMAGE, 0), rejects)


def known_reject(uri: str, size_bytes: int, first_bytes: bytes) -> Reject:
    """Return the reject that fetching the object would end in.

    The reason depends on the object's name too, which may be a new one for known bytes.
    """
    return reject_by_listing(uri, size_bytes, MAX_OBJECT_BYTES) or reject_no_image(uri, first_bytes)


def _judged(manifest: DataFrame, store_objects: DataFrame, vectors: DataFrame | None) -> DataFrame:
    """Return the manifest's rows with a `state`. `vectors` are those of this run's identity, None if there are none.

    All columns are narrow, so joins cost little; nothing here grows on the driver.
    """
    known = feature_store.by_etag(store_objects)
    joined = manifest.select(*TO_FETCH.names).join(known, ["etag", "size_bytes"], "left")
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
    return joined.select(*TO_FETCH.names, "first_bytes", state.alias("state"))


def _to_fetch(judged: DataFrame) -> Iterator[FetchRow]:
    """Yield the rows in the order of their URIs, partition by partition: the driver never holds them all."""
    rows = judged.where(col("state") == _TO_FETCH).select(*TO_FETCH.names).orderBy("uri")
    return (FetchRow(*row) for row in rows.toLocalIterator(prefetchPartitions=True))


def _write_rejects(judged: DataFrame, rejects_uri: str) -> Counter[str]:
    """Write the rejects, a file for each partition, and return how many there are of each reason."""

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rejects = pa.concat_tables([REJECT_FILES.empty_table(), *map(_rejects, batches)])
        counts = write_rejects(rejects, rejects_uri, rejects["image_id"].to_pylist())
        yield pa.RecordBatch.from_pydict({"reason": list(counts), "rows": list(counts.values())}, schema=counted)

    counted = pa.schema([("reason", pa.string()), ("rows", pa.int64())])
    rejected = judged.where(col("state").isin(_UNREAD, _NO_IMAGE))
    narrow = rejected.select("image_id", "uri", "size_bytes", "first_bytes")
    counts: Counter[str] = Counter()
    for row in narrow.mapInArrow(write, "reason string, rows long").collect():
        counts[row["reason"]] += row["rows"]
    return counts


def _rejects(batch: pa.RecordBatch) -> pa.Table:
    rows = []
    for row in batch.to_pylist():
        reject = known_reject(row["uri"], row["size_bytes"], row["first_bytes"])
        rows.append({"image_id": row["image_id"], "uri": row["uri"], **vars(reject)})
    return pa.Table.from_pylist(rows, REJECT_FILES)
