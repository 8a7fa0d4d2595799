"""The Parquet datasets, each held against its written schema, and the one writer of rejects."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructField, StructType
from pyspark.storagelevel import StorageLevel

from image_features.errors import MissingDatasetError, SchemaMismatchError
from image_features.schemas import IN_FILES_OF_REJECTS, REJECT_REASONS
from image_features.storage import objects
from image_features.storage.parquet_files import data_files, read_schema, write_part

REJECT_FILES = to_arrow_schema(IN_FILES_OF_REJECTS)
"""The columns of REJECTS without `stage`, as Arrow has them."""

_NO_DATASET = ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA")


def read_dataset(spark: SparkSession, uri: str, schema: StructType, *more: Column) -> DataFrame:
    """Return the dataset at `uri`, with its columns in the schema's order and then `more`, such as of `_metadata`.

    Raises MissingDatasetError when nothing is there, SchemaMismatchError when something else is.
    """
    # The object store is asked first: what Spark says of a bucket that is not there helps no reader.
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


def check_dataset(uri: str, schema: StructType) -> None:
    """Raise MissingDatasetError where there are no files, SchemaMismatchError where the first has other columns.

    Raises DamagedFileError as well.
    """
    first = next(data_files(uri), None)
    if first is None:
        raise MissingDatasetError(uri)
    _check(uri, from_arrow_schema(read_schema(first.uri)), schema)


@contextmanager
def persisted(frame: DataFrame) -> Iterator[DataFrame]:
    """Keep what `frame` computes for the block, and no longer.

    Otherwise Spark would answer a later run that reads the same URIs from it.
    """
    frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield frame
    finally:
        frame.unpersist()


def start_rejects(rejects_uri: str, stage: str) -> None:
    """Make one stage's part of `rejects` an empty dataset."""
    uri = _rejects_of(rejects_uri, stage)
    objects.delete_prefix(uri)
    write_part(uri, [], REJECT_FILES, [])


def write_rejects(rejects: pa.Table, rejects_uri: str, stage: str, keys: Iterable[str]) -> Counter[str]:
    """Add a file of rejects to what `start_rejects` began, and return how many there are of each reason.

    The file is named after `keys`, so that a repeated task replaces what it wrote before.
    """
    if rejects.num_rows:
        write_part(_rejects_of(rejects_uri, stage), rejects.to_batches(), REJECT_FILES, keys)
    return Counter(rejects["reason"].to_pylist())


def by_reason(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of rejects in the order of REJECT_REASONS, without those of zero.

    >>> by_reason({"too_many_pixels": 1, "decode_failed": 2, "empty_object": 0})
    {'decode_failed': 2, 'too_many_pixels': 1}
    """
    return {reason: counts[reason] for reason in REJECT_REASONS if counts.get(reason)}


def read_rejects(spark: SparkSession, rejects_uri: str, stage: str) -> DataFrame:
    """Return one stage's rejects, without the column `stage`."""
    return read_dataset(spark, _rejects_of(rejects_uri, stage), IN_FILES_OF_REJECTS)


def _rejects_of(rejects_uri: str, stage: str) -> str:
    return f"{rejects_uri}/stage={stage}"


def _check(uri: str, found: StructType, promised: StructType) -> None:
    has, wants = {_column(field) for field in found}, {_column(field) for field in promised}
    if has != wants:
        raise SchemaMismatchError(uri, missing=sorted(wants - has), unexpected=sorted(has - wants))


def _column(field: StructField) -> str:
    # Parquet makes every column nullable when it is read back, so nullability is not compared.
    return f"{field.name} {field.dataType.simpleString()}"
