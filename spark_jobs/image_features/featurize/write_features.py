"""From a run's contents and the feature store to its own datasets: every image gets the vector of its bytes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, count_if, lit
from pyspark.sql.functions import min as min_of
from pyspark.sql.functions import sum as sum_of

from image_features.errors import MissingVectorsError
from image_features.featurize.arguments import FeaturizeArguments
from image_features.featurize.content_index import Contents
from image_features.featurize.join_files import join_files
from image_features.schemas import FEATURES, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import conform, read_dataset, write_dataset, write_few_rejects, write_rejects

_NO_VECTOR = "there is no vector"


@dataclass(frozen=True)
class Coverage:
    """`rows` are the run's images, of `contents` different ones; of these, `rejected_contents` cannot be decoded."""

    rows: int
    contents: int
    rejected_rows: int
    rejected_contents: int
    missing_contents: int


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
    if not feature_store.has_parts(vectors_uri):
        raise MissingVectorsError(vectors_uri, contents.rows, _NO_VECTOR)
    if contents.few is not None:
        written = _join_on_workers(spark, contents.few, vectors_uri, arguments, stage)
        if written is not None:
            return written
    return _join_by_spark(spark, contents.frame, vectors_uri, arguments, stage)


def _join_on_workers(
    spark: SparkSession, images: pa.Table, vectors_uri: str, arguments: FeaturizeArguments, stage: str
) -> tuple[Coverage, dict[str, int]] | None:
    """Each vector stays where it is read. None if the store has one twice: then an image may be twice in `features`."""
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
