"""PCA features as CSV for readers without Parquet: the image's columns, then one column for each component."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

from image_features.reduce.arguments import ReduceArguments
from image_features.schemas import PCA_FEATURES
from image_features.storage import objects
from image_features.storage.datasets import read_dataset

_OPTIONS = {
    "header": "true",
    # RFC 4180: a quote inside quotes is doubled. Spark's default is a backslash, which most readers take for text.
    "quote": '"',
    "escape": '"',
    # Names of objects may begin or end with a space.
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}


def write_or_remove_csv(spark: SparkSession, arguments: ReduceArguments, components: int) -> None:
    """Write the CSV if asked for; otherwise delete that of an earlier attempt, which would contradict this run.

    A vector is the columns `pc_001`, `pc_002`, ...: float32 in the fewest digits that read back equal.
    """
    if "csv" not in arguments.formats:
        objects.delete_prefix(arguments.pca_features_csv_uri)
        return
    image = [name for name in PCA_FEATURES.names if name != "pca_features"]
    spread = [col("pca_features")[number].alias(f"pc_{number + 1:03d}") for number in range(components)]
    table = read_dataset(spark, arguments.pca_features_uri, PCA_FEATURES).select(*image, *spread)
    table.write.mode("overwrite").options(**_OPTIONS).csv(arguments.pca_features_csv_uri)
