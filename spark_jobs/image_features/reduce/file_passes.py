"""The passes of PCA over a dataset of features, file by file on the workers: no vector goes through the JVM.

As a column of a DataFrame a vector is decoded, becomes a row and then Arrow in every pass, which took most of the
stage's time. Here a worker reads a file as Parquet has it and writes the file that is made from it.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark import RDD, SparkContext
from pyspark.sql.pandas.types import to_arrow_schema
from threadpoolctl import threadpool_limits

from image_features.errors import ImageFeaturesError
from image_features.reduce.gram import Gram, gram_of_batches, merge_all
from image_features.reduce.pca import PcaModel, project
from image_features.schemas import PCA_FEATURES
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part, write_part
from image_features.storage.vector_columns import to_list_column, to_matrix

# Partial Grams merged by one task; each is 8 * d * d bytes (32 MB at 2,048 columns), so this bounds the memory of a
# Python worker.
FAN_IN = 8
_PCA_FEATURES = to_arrow_schema(PCA_FEATURES)
_IMAGE_COLUMNS = [name for name in PCA_FEATURES.names if name != "pca_features"]


class NoVectorsError(ImageFeaturesError):
    """There is no row to fit anything on."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"no rows with a column {column!r}: every image was rejected or none was found; read the rejects' reasons"
        )


def gram_of_dataset(context: SparkContext, uri: str, column: str) -> Gram:
    """Return the Gram of a column of vectors; the same files give the same bits. Raises NoVectorsError."""

    def partial(numbered: tuple[int, Sequence[str]]) -> list[tuple[int, Gram]]:
        number, uris = numbered
        # One BLAS thread for each task: Spark already runs as many tasks as there are cores.
        with threadpool_limits(limits=1):
            gram = gram_of_batches(to_matrix(batch.column(0)) for one in uris for batch in _batches(one, [column]))
        return [] if gram is None else [(number, gram)]

    groups = list(enumerate(file_groups(uri)))
    partials = one_task_each(context, groups, partial).flatMap(lambda partials: partials)
    return combined(partials, len(groups), column)


def combined(partials: RDD[tuple[int, Gram]], partitions: int, column: str) -> Gram:
    """Return the one Gram of all (partition, Gram) pairs. Raises NoVectorsError if there is none.

    Neighbours are merged in the order of their partitions, FAN_IN at a time, on the executors, until one is left.
    RDD.treeReduce merges in the order in which blocks arrive, so that two runs over the same rows differ in their last
    digits.
    """
    while partitions > 1:
        partitions = -(-partitions // FAN_IN)
        grouped = partials.map(lambda pair: (pair[0] // FAN_IN, pair)).groupByKey(partitions, lambda group: group)
        partials = grouped.mapValues(_merged_in_order)
    merged = partials.collect()
    if not merged:
        raise NoVectorsError(column)
    return merged[0][1]


def _merged_in_order(partials: Iterable[tuple[int, Gram]]) -> Gram:
    merged = merge_all(gram for _, gram in sorted(partials, key=lambda pair: pair[0]))
    assert merged is not None, "a group has at least one member"
    return merged


def project_dataset(context: SparkContext, features_uri: str, model: PcaModel, pca_features_uri: str) -> int:
    """Write `pca_features` from `features`, one file for each group of files, and return the number of rows."""
    fitted = context.broadcast((model.mean, model.projection))

    def project_group(uris: Sequence[str]) -> int:
        mean, projection = fitted.value
        ids: list[str] = []

        def projected() -> Iterator[pa.RecordBatch]:
            for uri in uris:
                made = list(_projected(uri, mean, projection))
                # One row group for each file, as readers want them, and not one for each batch.
                for batch in pa.Table.from_batches(made, _PCA_FEATURES).combine_chunks().to_batches():
                    ids.extend(batch.column("image_id").to_pylist())
                    yield batch

        with threadpool_limits(limits=1):
            write_part(pca_features_uri, projected(), _PCA_FEATURES, ids)
        return len(ids)

    groups = list(file_groups(features_uri))
    objects.delete_prefix(pca_features_uri)
    return sum(one_task_each(context, groups, project_group).collect())


def _projected(uri: str, mean: np.ndarray, projection: np.ndarray) -> Iterator[pa.RecordBatch]:
    vectors = _PCA_FEATURES.field("pca_features").type
    for batch in _batches(uri, [*_IMAGE_COLUMNS, "features"]):
        made = to_list_column(project(to_matrix(batch.column("features")), mean, projection)).cast(vectors)
        kept = [batch.column(name) for name in _IMAGE_COLUMNS]
        yield pa.RecordBatch.from_arrays([*kept, made], schema=_PCA_FEATURES)


def _batches(uri: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    return (batch for batch in read_part(uri, columns, ROWS_PER_ARROW_BATCH) if batch.num_rows)
