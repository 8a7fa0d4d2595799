"""From a manifest and the feature store to the run's own datasets: every image gets the vector of its bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import broadcast, coalesce, col, count, count_if, lit
from pyspark.sql.functions import min as min_of
from pyspark.sql.functions import sum as sum_of

from image_features import store
from image_features.datasets import (
    conform,
    persisted,
    read_dataset,
    read_rejects,
    write_dataset,
    write_few_rejects,
    write_rejects,
)
from image_features.errors import MissingVectorsError
from image_features.featurize_arguments import FeaturizeArguments
from image_features.joining import NARROW_IMAGES, join_files
from image_features.known_objects import by_etag
from image_features.schemas import FEATURES, IMAGES, MANIFEST, OBJECTS, VECTORS

REJECTED_BY = "ingest_images"
"""The stage that made `images`: what it rejected is none of the run's images."""

# About 300 bytes each, on the driver and on every executor.
BROADCAST_ROWS = 500_000

_NO_VECTOR = "there is no vector"
_NO_CONTENT = "the bytes behind the ETag are not known"


@dataclass(frozen=True)
class Coverage:
    """`rows` are the run's images, of `contents` different ones; of these, `rejected_contents` cannot be decoded."""

    rows: int
    contents: int
    rejected_rows: int
    rejected_contents: int
    missing_contents: int


@dataclass(frozen=True)
class Contents:
    """`frame` has one narrow row for each image of the run: its place, and the SHA-256 of its bytes."""

    frame: DataFrame
    rows: int


@contextmanager
def contents_of(spark: SparkSession, arguments: FeaturizeArguments, objects_uri: str) -> Iterator[Contents]:
    """Persisted for the block.

    Raises MissingVectorsError if an image's bytes are neither in `images` nor known to the store.
    """
    with persisted(_fetched_contents(spark, arguments)) as fetched:
        rows, unknown = _counted(fetched)
        if not unknown:
            yield Contents(fetched, rows)
            return
        if not store.has_parts(objects_uri):
            raise MissingVectorsError(objects_uri, unknown, _NO_CONTENT)
        of_etag = by_etag(read_dataset(spark, objects_uri, OBJECTS)).where("is_image")
        known = of_etag.select("etag", "size_bytes", col("content_sha256").alias("known_sha256"))
        joined = fetched.join(known, ["etag", "size_bytes"], "left")
        with persisted(joined.withColumn("content_sha256", coalesce("content_sha256", "known_sha256"))) as frame:
            rows, unknown = _counted(frame)
            if unknown:
                raise MissingVectorsError(objects_uri, unknown, _NO_CONTENT)
            yield Contents(frame, rows)


def _fetched_contents(spark: SparkSession, arguments: FeaturizeArguments) -> DataFrame:
    """`content_sha256` is null where this run did not fetch the object."""
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST).drop("modified_at")
    # Spark itself sees it too late for a frame that is persisted, and shuffles a few rows into 200 partitions.
    few = manifest.count() <= BROADCAST_ROWS
    rejected = read_rejects(spark, arguments.rejects_uri, REJECTED_BY).select("image_id")
    fetched = read_dataset(spark, arguments.images_uri, IMAGES).select(
        "image_id", col("etag").alias("read_etag"), col("content_sha256")
    )
    if few:
        rejected, fetched = broadcast(rejected), broadcast(fetched)
    contents = manifest.join(rejected, "image_id", "left_anti").join(fetched, "image_id", "left")
    return contents.withColumn("etag", coalesce("read_etag", "etag")).drop("read_etag")


def cover(contents: DataFrame, vectors: DataFrame) -> Coverage:
    """How the store's rows cover the run's images, from narrow columns alone."""
    wanted = contents.groupBy("content_sha256").agg(count(lit(1)).alias("rows"))
    kept = vectors.groupBy("content_sha256").agg(count(lit(1)).alias("copies"), min_of("reason").alias("reason"))
    joined = wanted.join(kept, "content_sha256", "left")
    is_rejected = col("reason").isNotNull()
    (row,) = joined.agg(
        sum_of("rows").alias("rows"),
        count(lit(1)).alias("contents"),
        sum_of(col("rows") * is_rejected.cast("int")).alias("rejected_rows"),
        count_if(is_rejected).alias("rejected_contents"),
        count_if(col("copies").isNull()).alias("missing_contents"),
    ).collect()
    return Coverage(**{name: value or 0 for name, value in row.asDict().items()})


def write_features(
    spark: SparkSession, contents: Contents, vectors_uri: str, arguments: FeaturizeArguments, stage: str
) -> tuple[Coverage, dict[str, int]]:
    """Writes the datasets `features` and the stage's rejects: each of the run's images is in one of them.

    Raises MissingVectorsError if the store does not have them all.
    """
    if not store.has_parts(vectors_uri):
        raise MissingVectorsError(vectors_uri, contents.rows, _NO_VECTOR)
    if contents.rows <= BROADCAST_ROWS:
        written = _join_on_workers(spark, contents, vectors_uri, arguments, stage)
        if written is not None:
            return written
    return _join_by_spark(spark, contents.frame, vectors_uri, arguments, stage)


def _join_on_workers(
    spark: SparkSession, contents: Contents, vectors_uri: str, arguments: FeaturizeArguments, stage: str
) -> tuple[Coverage, dict[str, int]] | None:
    """Each vector stays where it is read. None if the store has one twice: then an image may be twice in `features`."""
    narrow = contents.frame.select(*NARROW_IMAGES.names).toPandas()
    images = pa.Table.from_pandas(narrow, NARROW_IMAGES, preserve_index=False)
    joined = join_files(spark.sparkContext, images, vectors_uri, arguments.features_uri)
    times = np.bincount(joined.found, minlength=images.num_rows)
    if times.max(initial=0) > 1:
        return None
    missing = images.filter(times == 0)["content_sha256"]
    if len(missing):
        raise MissingVectorsError(vectors_uri, pc.count_distinct(missing).as_py(), _NO_VECTOR)
    rejected = images.filter(pc.is_in(images["image_id"], joined.rejects["image_id"].combine_chunks()))
    coverage = Coverage(
        rows=images.num_rows,
        contents=pc.count_distinct(images["content_sha256"]).as_py(),
        rejected_rows=rejected.num_rows,
        rejected_contents=pc.count_distinct(rejected["content_sha256"]).as_py(),
        missing_contents=0,
    )
    return coverage, write_few_rejects(joined.rejects, arguments.rejects_uri, stage)


def _join_by_spark(
    spark: SparkSession, contents: DataFrame, vectors_uri: str, arguments: FeaturizeArguments, stage: str
) -> tuple[Coverage, dict[str, int]]:
    """Of any number of images, but wide rows are shuffled."""
    vectors = read_dataset(spark, vectors_uri, VECTORS)
    coverage = cover(contents, vectors)
    if coverage.missing_contents:
        raise MissingVectorsError(vectors_uri, coverage.missing_contents, _NO_VECTOR)
    # A vector stands twice of a task that was repeated, or of two runs at once, whose other one may write meanwhile.
    vectors = vectors.dropDuplicates(["content_sha256"])
    sound = vectors.where(col("reason").isNull()).join(contents, "content_sha256")
    features = conform(sound, FEATURES).sortWithinPartitions("label", "uri")
    write_dataset(features, arguments.features_uri, FEATURES)
    without = vectors.where(col("reason").isNotNull()) if coverage.rejected_rows else vectors.limit(0)
    rejected = without.drop("features").join(contents, "content_sha256")
    return coverage, write_rejects(rejected, arguments.rejects_uri, stage)


def _counted(contents: DataFrame) -> tuple[int, int]:
    """How many rows, and how many of them have no content."""
    (row,) = contents.agg(count(lit(1)), count_if(col("content_sha256").isNull())).collect()
    return row[0], row[1]
