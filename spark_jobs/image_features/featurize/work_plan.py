"""The plan of the work: the rows of a run's images that are computed, one for each content new to the store."""

from __future__ import annotations

from array import array

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, collect_list, count, lit, struct, when
from pyspark.sql.functions import max as max_of
from pyspark.sql.functions import min as min_of

from image_features.featurize.worker import Work
from image_features.schemas import IMAGES, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import read_dataset


def read_images(spark: SparkSession, images_uri: str) -> DataFrame:
    """Return where each content lies, as its file and row, and none of the contents."""
    places = [col("_metadata.file_name").alias("file"), col("_metadata.row_index").cast("int").alias("row")]
    return read_dataset(spark, images_uri, IMAGES, *places).select("content_sha256", "file", "row")


def computed_before(spark: SparkSession, vectors_uri: str) -> DataFrame | None:
    """Return the contents that the store has; None if it has none."""
    if not feature_store.has_parts(vectors_uri):
        return None
    return read_dataset(spark, vectors_uri, VECTORS).select("content_sha256")


def plan(images: DataFrame, images_uri: str, computed: DataFrame | None) -> list[Work]:
    """Return the work on each file, the largest first, so that no core waits long for another at the end."""
    if computed is not None:
        images = images.join(computed, "content_sha256", "left_anti")
    works = [
        Work(f"{images_uri}/{row['file']}", row["start"], row["stop"], row["rows"] and array("I", sorted(row["rows"])))
        for row in _by_file(images).collect()
    ]
    return sorted(works, key=lambda work: (-len(work), work.uri))


def _by_file(images: DataFrame) -> DataFrame:
    """Return the rows of each file; as a list only where they do not follow one another.

    So the driver holds little, however many images there are.
    """
    first_of_content = images.groupBy("content_sha256").agg(min_of(struct("file", "row")).alias("place"))
    by_file = first_of_content.groupBy("place.file").agg(
        min_of("place.row").alias("start"),
        (max_of("place.row") + 1).alias("stop"),
        count(lit(1)).alias("count"),
        collect_list("place.row").alias("rows"),
    )
    gapless = col("count") == col("stop") - col("start")
    return by_file.select("file", "start", "stop", when(~gapless, col("rows")).alias("rows"))
