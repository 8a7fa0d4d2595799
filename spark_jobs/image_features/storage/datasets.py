"""Reads and writes the Parquet datasets, each held against its written schema."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql.functions import col, count, when
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructField, StructType
from pyspark.storagelevel import StorageLevel

from image_features.errors import MissingDatasetError, SchemaMismatchError
from image_features.schemas import IN_FILES_OF_REJECTS, REJECT_REASONS
from image_features.storage import objects
from image_features.storage.parquet_files import write_part

_NO_DATASET = ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA")


def read_dataset(spark: SparkSession, uri: str, schema: StructType, *more: Column) -> DataFrame:
    """The dataset at `uri`, its columns in the schema's order, then `more` ones, such as of `_metadata`.

    Raises MissingDatasetError when nothing is there, SchemaMismatchError when something else is.
    """
    # Asked of the store first: of a bucket that is not there Spark says what no reader understands.
    if next(objects.list_objects(uri), None) is None:
        raise MissingDatasetError(uri)
    try:
        # Folders of the feature store also hold a JSON that says what they are.
        frame = spark.read.option("pathGlobFilter", "*.parquet").parquet(uri)
    except AnalysisException as error:
        if error.getErrorClass() in _NO_DATASET:
            raise MissingDatasetError(uri) from error
        raise
    _check(uri, frame.schema, schema)
    return frame.select(*schema.fieldNames(), *more)


@contextmanager
def persisted(frame: DataFrame) -> Iterator[DataFrame]:
    """Computed once for the block. Not longer: Spark would answer a later run that reads the same URIs from it."""
    frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield frame
    finally:
        frame.unpersist()


def conform(frame: DataFrame, schema: StructType) -> DataFrame:
    """Exactly the schema's columns, in its order and of its types."""
    # By its name the type's elements may be null, which they then may be before the cast too.
    return frame.select([col(field.name).cast(field.dataType.simpleString()).alias(field.name) for field in schema])


def write_dataset(frame: DataFrame, uri: str, schema: StructType) -> None:
    """Writes `frame` as the whole dataset at `uri`: what was under this prefix, and nothing else, is replaced."""
    _check(uri, frame.schema, schema)
    frame.write.mode("overwrite").option("compression", "zstd").parquet(uri)


def write_rejects(frame: DataFrame, rejects_uri: str, stage: str) -> dict[str, int]:
    """Writes one stage's rejects (columns of REJECTS without `stage`); returns how many there are of each reason."""
    observation = Observation()
    counts = [count(when(col("reason") == reason, True)).alias(reason) for reason in REJECT_REASONS]
    rejects = conform(frame, IN_FILES_OF_REJECTS).observe(observation, *counts)
    write_dataset(rejects, f"{rejects_uri}/stage={stage}", IN_FILES_OF_REJECTS)
    return {reason: count for reason, count in observation.get.items() if count}


def write_few_rejects(rejects: pa.Table, rejects_uri: str, stage: str) -> dict[str, int]:
    """As `write_rejects`, of rows that the driver holds."""
    uri = f"{rejects_uri}/stage={stage}"
    objects.delete_prefix(uri)
    schema = to_arrow_schema(IN_FILES_OF_REJECTS)
    write_part(uri, rejects.cast(schema).to_batches(), schema, rejects["image_id"].to_pylist())
    counts = Counter(rejects["reason"].to_pylist())
    return {reason: counts[reason] for reason in REJECT_REASONS if counts[reason]}


def read_rejects(spark: SparkSession, rejects_uri: str, stage: str) -> DataFrame:
    """One stage's rejects, without the column `stage`."""
    return read_dataset(spark, f"{rejects_uri}/stage={stage}", IN_FILES_OF_REJECTS)


def _check(uri: str, found: StructType, promised: StructType) -> None:
    has, wants = {_column(field) for field in found}, {_column(field) for field in promised}
    if has != wants:
        raise SchemaMismatchError(uri, missing=sorted(wants - has), unexpected=sorted(has - wants))


def _column(field: StructField) -> str:
    # Parquet makes every column nullable on its way back, so nullability is not compared.
    return f"{field.name} {field.dataType.simpleString()}"
