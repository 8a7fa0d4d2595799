"""Rows that came out well or were set aside, from one pass over the images, and how both are written from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql.functions import col
from pyspark.sql.types import StringType, StructField, StructType
from pyspark.storagelevel import StorageLevel

from image_features.datasets import conform, write_counted, write_rejects


@dataclass(frozen=True)
class Written:
    rows: int
    rejects: Mapping[str, int]


def outcome_schema(schema: StructType) -> StructType:
    """The dataset's columns, null in a reject, then `reason` and `detail`, null in a row of the dataset."""
    columns = [StructField(field.name, field.dataType) for field in schema]
    return StructType([*columns, StructField("reason", StringType()), StructField("detail", StringType())])


def write_outcomes(outcomes: DataFrame, uri: str, schema: StructType, rejects_uri: str, stage: str) -> Written:
    """Writes the dataset and the stage's rejects; computes `outcomes` once.

    Between the two writes the outcomes lie on the executors' disks, where they cost no memory, and where Spark
    computes again only what a lost node had.
    """
    outcomes = outcomes.persist(StorageLevel.DISK_ONLY)
    try:
        rows = write_counted(conform(outcomes.where(col("reason").isNull()), schema), uri, schema)
        rejects = write_rejects(outcomes.where(col("reason").isNotNull()), rejects_uri, stage)
    finally:
        outcomes.unpersist()
    return Written(rows, rejects)
