"""What bytes each image of a run has: from the manifest, from what the run fetched, and from what the store knows."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import broadcast, coalesce, col, count, count_if, lit

from image_features.errors import MissingVectorsError
from image_features.featurize.arguments import FeaturizeArguments
from image_features.featurize.join_files import NARROW_IMAGES
from image_features.schemas import IMAGES, MANIFEST, OBJECTS
from image_features.storage import feature_store
from image_features.storage.datasets import persisted, read_dataset, read_rejects
from image_features.storage.feature_store import by_etag

REJECTED_BY = "ingest_images"
"""The stage that made `images`: what it rejected is none of the run's images."""

# About 300 bytes each, on the driver and on every executor.
FEW_IMAGES = 500_000

_NO_CONTENT = "the bytes behind the ETag are not known"


@dataclass(frozen=True)
class Contents:
    """`frame` has one narrow row for each image of the run: its place, and the SHA-256 of its bytes.

    `few` are these rows on the driver, with the columns of NARROW_IMAGES, if all are known and they are not too many.
    """

    frame: DataFrame
    rows: int
    unknown: int
    """How many of them have no SHA-256 yet."""
    few: pa.Table | None


@contextmanager
def contents_of(spark: SparkSession, arguments: FeaturizeArguments, objects_uri: str) -> Iterator[Contents]:
    """All of them known. Where they are many they are persisted for the block.

    Raises MissingVectorsError if an image's bytes are neither in `images` nor known to the store.
    """
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST).drop("modified_at")
    are_few = manifest.count() <= FEW_IMAGES
    kept: Callable[[DataFrame], AbstractContextManager[DataFrame]] = nullcontext if are_few else persisted
    with kept(_fetched_contents(spark, manifest, arguments, are_few)) as fetched:
        contents = _looked_at(fetched, are_few)
        if not contents.unknown:
            yield contents
            return
        if not feature_store.has_parts(objects_uri):
            raise MissingVectorsError(objects_uri, contents.unknown, _NO_CONTENT)
        of_etag = by_etag(read_dataset(spark, objects_uri, OBJECTS)).where("is_image")
        known = of_etag.select("etag", "size_bytes", col("content_sha256").alias("known_sha256"))
        joined = fetched.join(known, ["etag", "size_bytes"], "left")
        with kept(joined.withColumn("content_sha256", coalesce("content_sha256", "known_sha256"))) as frame:
            contents = _looked_at(frame, are_few)
            if contents.unknown:
                raise MissingVectorsError(objects_uri, contents.unknown, _NO_CONTENT)
            yield contents


def _fetched_contents(
    spark: SparkSession, manifest: DataFrame, arguments: FeaturizeArguments, are_few: bool
) -> DataFrame:
    """`content_sha256` is null where this run did not fetch the object."""
    rejected = read_rejects(spark, arguments.rejects_uri, REJECTED_BY).select("image_id")
    fetched = read_dataset(spark, arguments.images_uri, IMAGES).select(
        "image_id", col("etag").alias("read_etag"), col("content_sha256")
    )
    if are_few:
        # Spark itself sees it too late, and shuffles a few rows into 200 partitions.
        rejected, fetched = broadcast(rejected), broadcast(fetched)
    contents = manifest.join(rejected, "image_id", "left_anti").join(fetched, "image_id", "left")
    return contents.withColumn("etag", coalesce("read_etag", "etag")).drop("read_etag")


def _looked_at(frame: DataFrame, are_few: bool) -> Contents:
    if are_few:
        narrow = pa.Table.from_pandas(frame.select(*NARROW_IMAGES.names).toPandas(), preserve_index=False)
        unknown = narrow["content_sha256"].null_count
        return Contents(frame, narrow.num_rows, unknown, None if unknown else narrow.cast(NARROW_IMAGES))
    (row,) = frame.agg(count(lit(1)), count_if(col("content_sha256").isNull())).collect()
    return Contents(frame, row[0], row[1], None)
