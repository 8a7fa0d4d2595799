"""What tests write to the store for a stage to read, and whether an object is there."""

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from image_features.storage import objects


def write_dataset(frame: DataFrame, uri: str, schema: StructType) -> None:
    """Write `frame` as the whole dataset at `uri`."""
    frame.select(*schema.fieldNames()).write.mode("overwrite").option("compression", "zstd").parquet(uri)


def exists(uri: str) -> bool:
    return any(listed.uri == uri for listed in objects.list_objects(uri.rpartition("/")[0]))
