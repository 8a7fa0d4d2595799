"""The Gram matrix of a DataFrame's column of vectors, and of what workers made of its parts, combined in a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark import RDD, TaskContext
from pyspark.sql import DataFrame, Row
from threadpoolctl import threadpool_limits

from image_features.errors import ImageFeaturesError
from image_features.reduce.gram import Gram, gram_of_batches, merge_all
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH
from image_features.storage.vector_columns import to_matrix

# Partial Grams merged by one task; each is 8 * d * d bytes (32 MB at 2,048 columns), so this bounds the memory of a
# Python worker.
FAN_IN = 8

PARTIAL_GRAM = "partition int, rows long, mean binary, scatter binary"


class NoVectorsError(ImageFeaturesError):
    """There is no row to fit anything on."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"no rows with a column {column!r}: every image was rejected or none was found; read the rejects' reasons"
        )


def gram_of_column(frame: DataFrame, column: str) -> Gram:
    """The Gram of a column of vectors; the same rows in the same partitions give the same bits.

    Raises NoVectorsError.
    """
    _use_large_batches(frame)
    partials = frame.select(column).mapInArrow(_partial_gram, PARTIAL_GRAM).rdd.map(_to_partial)
    # Asked of this RDD: `frame.rdd` would be another one, for which Spark would run the frame's shuffles once more.
    return combined(partials, partials.getNumPartitions(), column)


def combined(partials: RDD[tuple[int, Gram]], partitions: int, column: str) -> Gram:
    """The one Gram of (partition, Gram) pairs. Raises NoVectorsError if there is none."""
    merged = combine_in_order(partials, partitions).collect()
    if not merged:
        raise NoVectorsError(column)
    return merged[0][1]


def combine_in_order(partials: RDD[tuple[int, Gram]], partitions: int) -> RDD[tuple[int, Gram]]:
    """Merges (partition, Gram) pairs, FAN_IN neighbours at a time, on the executors, until one is left.

    Neighbours are merged in the order of their partitions. RDD.treeReduce merges in the order in which blocks arrive,
    so that two runs over the same rows differ in their last digits.
    """
    while partitions > 1:
        partitions = -(-partitions // FAN_IN)
        grouped = partials.map(lambda pair: (pair[0] // FAN_IN, pair)).groupByKey(partitions, lambda group: group)
        partials = grouped.flatMapValues(_merged_in_order)
    return partials


def _use_large_batches(frame: DataFrame) -> None:
    frame.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(ROWS_PER_ARROW_BATCH))


def _partial_gram(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    # One BLAS thread a task: Spark already runs as many tasks as there are cores.
    with threadpool_limits(limits=1):
        gram = gram_of_batches(to_matrix(batch.column(0)) for batch in batches if batch.num_rows)
    task = TaskContext.get()
    if gram is not None and task is not None:
        values = ([task.partitionId()], [gram.rows], [gram.mean.tobytes()], [gram.scatter.tobytes()])
        types = (pa.int32(), pa.int64(), pa.binary(), pa.binary())
        arrays = [pa.array(value, kind) for value, kind in zip(values, types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=["partition", "rows", "mean", "scatter"])


def _to_partial(row: Row) -> tuple[int, Gram]:
    mean = np.frombuffer(row["mean"])
    # A copy, because merging writes into the matrix and a bytes object's buffer is read-only.
    scatter = np.frombuffer(row["scatter"]).reshape(len(mean), len(mean)).copy()
    return row["partition"], Gram(row["rows"], mean, scatter)


def _merged_in_order(partials: Iterable[tuple[int, Gram]]) -> list[Gram]:
    merged = merge_all(gram for _, gram in sorted(partials, key=lambda pair: pair[0]))
    return [] if merged is None else [merged]
