"""PCA features as CSV, for readers without Parquet: the image's columns, then one column a component."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql.functions import col

from image_features.schemas import PCA_FEATURES

_OPTIONS = {
    "header": "true",
    # RFC 4180: a quote inside quotes is doubled. Spark's default is a backslash, which most readers take as text.
    "quote": '"',
    "escape": '"',
    # Names of objects may begin or end with a space.
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}


def to_csv_columns(pca_features: DataFrame, components: int) -> DataFrame:
    """The vector spread over the columns `pc_001`, `pc_002`, ...: float32 in the fewest digits that read back equal."""
    image = [name for name in PCA_FEATURES.names if name != "pca_features"]
    spread = [col("pca_features")[number].alias(f"pc_{number + 1:03d}") for number in range(components)]
    return pca_features.select(*image, *spread)


def write_csv(pca_features: DataFrame, components: int, uri: str) -> None:
    to_csv_columns(pca_features, components).write.mode("overwrite").options(**_OPTIONS).csv(uri)
