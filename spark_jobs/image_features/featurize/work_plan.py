"""The plan of the work: the rows of a run's images that are computed, one for each content new to the store."""

from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, collect_list, sort_array, struct
from pyspark.sql.functions import min as min_of

from image_features.featurize.worker import Work
from image_features.schemas import IMAGES
from image_features.storage import feature_store
from image_features.storage.datasets import read_dataset


def plan(spark: SparkSession, images_uri: str, vectors_uri: str) -> list[Work]:
    """Return the work on each file, the largest first, so that no core waits long for another at the end.

    The driver holds four bytes for each image.
    """
    places = [col("_metadata.file_name").alias("file"), col("_metadata.row_index").cast("int").alias("row")]
    images = read_dataset(spark, images_uri, IMAGES, *places).select("content_sha256", "file", "row")
    new = images.join(feature_store.answered(spark, vectors_uri), "content_sha256", "left_anti")
    first_of_content = new.groupBy("content_sha256").agg(min_of(struct("file", "row")).alias("place"))
    by_file = first_of_content.groupBy("place.file").agg(sort_array(collect_list("place.row")).alias("rows"))
    files: Any = by_file.toPandas()
    works = [
        Work(f"{images_uri}/{name}", np.asarray(rows, np.int32))
        for name, rows in zip(files["file"], files["rows"], strict=True)
    ]
    return sorted(works, key=lambda work: (-len(work.rows), work.uri))
