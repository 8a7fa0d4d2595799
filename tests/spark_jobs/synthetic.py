"""Made-up labelled vectors that look like a network's: correlated, never negative, one cloud a label, dead columns."""

import hashlib

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col

from image_features.schemas import FEATURES
from image_features.storage.vector_columns import to_list_column

SOURCE_URI = "s3://photographs/landing"
LABELS = ("Apple", "Banana", "Cherry")
DEAD_COLUMNS = (3, 5)


def image_id(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


def feature_like(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """As a network's pooled activations: correlated, never negative, of very different sizes, some columns dead."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(rows, 12)) @ rng.normal(size=(12, columns)) + 0.3 * rng.normal(size=(rows, columns))
    vectors = np.maximum(mixed, 0) * np.geomspace(1e-3, 30, columns)
    vectors[:, DEAD_COLUMNS] = (0.25, 0.0)
    # A mean that is 10,000 times the deviation.
    vectors[:, 7] = 1000 + 0.1 * rng.normal(size=rows)
    return vectors.astype(np.float32)


def labelled_vectors(
    labels: tuple[str, ...] = LABELS, per_label: int = 40, columns: int = 24, seed: int = 0, apart: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, columns) and their labels (n,): one cloud a label, centres about `apart` deviations apart."""
    rng = np.random.default_rng(seed)
    # The centres do not depend on the seed: two runs over other photographs of the same fruit resemble each other.
    centres = apart * np.random.default_rng(99).normal(size=(len(labels), columns)) / np.sqrt(2)
    names = np.repeat(np.array(labels, dtype=object), per_label)
    vectors = np.repeat(centres, per_label, axis=0) + rng.normal(size=(len(names), columns)) + 10
    vectors[:, DEAD_COLUMNS[0]] = 0.25
    return vectors.astype(np.float32), names


def splits_of(names: np.ndarray) -> np.ndarray:
    """Every third of a label's images is `Test`, the others `Training`."""
    return np.where(np.arange(len(names)) % 3 == 2, "Test", "Training").astype(object)


def features_table(vectors: np.ndarray, names: np.ndarray, splits: np.ndarray | None = None) -> pa.Table:
    """Rows of FEATURES, one file name a row."""
    splits = splits_of(names) if splits is None else splits
    uris = [
        f"{SOURCE_URI}/{split}/{name}/{number:04d}.jpg"
        for number, (split, name) in enumerate(zip(splits, names, strict=True))
    ]
    return pa.table(
        {
            "image_id": [image_id(uri) for uri in uris],
            "uri": uris,
            "label": pa.array(names, pa.string()),
            "split": pa.array(splits, pa.string()),
            "etag": [f"{number:032x}" for number in range(len(uris))],
            "features": to_list_column(vectors),
        }
    )


def to_frame(spark: SparkSession, table: pa.Table, partitions: int = 3) -> DataFrame:
    """The table as a DataFrame of FEATURES, in order, over `partitions` partitions."""
    rows = [tuple(row.values()) for row in table.to_pylist()]
    frame = spark.createDataFrame(spark.sparkContext.parallelize(rows, partitions), FEATURES)
    return frame.select([col(name) for name in FEATURES.names])


def vectors_in(frame: DataFrame, column: str) -> np.ndarray:
    """A column of vectors in the order of image_id."""
    return np.array([row[column] for row in frame.select("image_id", column).orderBy("image_id").collect()])
