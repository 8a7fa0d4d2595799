"""The merging of the feature store's many small files into few.

A merged file is written before the files that it replaces are deleted. In between a row exists twice, which readers of
the store accept.
"""

import logging

import pyarrow as pa
from pyspark import SparkContext
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from image_features.schemas import OBJECTS, VECTORS
from image_features.spark_tasks import one_task_each
from image_features.storage import feature_store, objects
from image_features.storage.parquet_files import data_files, grouped, read_part, write_part

logger = logging.getLogger(__name__)

SMALL_BYTES = 8 * 2**20
MOST_SMALL_FILES = 256
# The size of a merged file: a task holds it in memory, and it is well over SMALL_BYTES, so it is never merged again.
MERGED_BYTES = 64 * 2**20
ROWS_PER_READ = 1024


def compact_store(context: SparkContext, store_uri: str, vectors_uri: str) -> None:
    """Compact what every run adds to: the store's objects, and the vectors of the run's identity."""
    compact(context, vectors_uri, VECTORS)
    compact(context, feature_store.objects_uri(store_uri), OBJECTS)


def compact(context: SparkContext, folder_uri: str, schema: StructType) -> int:
    """Merge the small files of one folder of the store if there are many; return how many were merged."""
    small = [part for part in data_files(folder_uri) if part.size_bytes < SMALL_BYTES]
    if len(small) <= MOST_SMALL_FILES:
        return 0
    groups = [[part.uri for part in group] for group in grouped(small, MERGED_BYTES)]
    arrow_schema = to_arrow_schema(schema)
    one_task_each(context, groups, lambda uris: merge(uris, folder_uri, arrow_schema)).collect()
    logger.info("%s: %d small files were merged into %d", folder_uri, len(small), len(groups))
    return len(small)


def merge(uris: list[str], folder_uri: str, schema: pa.Schema) -> None:
    """Write the rows of all files as one file, then delete the files; merging again changes nothing."""
    merged_uri = write_part(folder_uri, _batches(uris, schema), schema, uris)
    for uri in uris:
        if uri != merged_uri:
            objects.delete(uri)


def _batches(uris: list[str], schema: pa.Schema) -> list[pa.RecordBatch]:
    """Return batches that each become a row group, by which Spark splits a file."""
    read = [batch for uri in uris for batch in read_part(uri, schema.names, ROWS_PER_READ)]
    table = pa.Table.from_batches(read, schema).combine_chunks()
    rows_per_group = max(1, table.num_rows * SMALL_BYTES // max(1, table.nbytes))
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=rows_per_group)
    return batches
