"""The passes that measure vectors, file by file on the workers, as those of `reduce`.

Neither Spark ML nor scikit-learn is imported here: every worker imports this module, and would take a second longer.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import SparkContext

from image_features.errors import Unavailable
from image_features.reduce.file_passes import gram_of_dataset
from image_features.reduce.gram import Gram
from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part
from image_features.storage.vector_columns import to_matrix, widths_of
from image_features.validate.evidence.evidence import Sample, VectorFacts

NORM_QUANTILES = (0.05, 0.5, 0.95)
NO_NORMS = (0.0, 0.0, 0.0)
SAMPLE_ROWS = 20_000
# 80 MB of float32, so that wide vectors do not fill the driver.
SAMPLE_VALUES = 20_000_000
NO_SAMPLE = Sample(np.empty((0, 0), np.float32), *[np.empty(0, object)] * 3)
# Of one vector: `digest` is equal where vectors are, `width` -1 for null, `norm` NaN where an entry is not finite.
_DESCRIBED = np.dtype([("digest", np.uint64), ("width", np.int32), ("norm", np.float64)])


def measure_vectors(context: SparkContext, uri: str, column: str, sample_rows: int = SAMPLE_ROWS) -> VectorFacts:
    """Measure all vectors of a dataset's column in one pass; 20 bytes of each row come to the driver.

    The quantiles are norms of rows, and exact. `sample_rows` is the number of the `first_ids`.
    """

    def describe_files(uris: Sequence[str]) -> tuple[NDArray[np.void], list[str]]:
        described, ids = [np.empty(0, _DESCRIBED)], list[str]()
        for batch in _batches(uris, [column, "image_id"]):
            described.append(_describe(batch.column(column)))
            ids += batch.column("image_id").to_pylist()
        return np.concatenate(described), heapq.nsmallest(sample_rows, ids)

    groups = list(file_groups(uri, context.defaultParallelism))
    described = one_task_each(context, groups, describe_files).collect()
    rows = np.concatenate([np.empty(0, _DESCRIBED), *(of_group for of_group, _ in described)])
    finite = rows["norm"][np.isfinite(rows["norm"])]
    return VectorFacts(
        rows=len(rows),
        narrowest=int(rows["width"].min()) if len(rows) else 0,
        widest=int(rows["width"].max()) if len(rows) else 0,
        non_finite=len(rows) - len(finite),
        zero=int(np.count_nonzero(finite == 0)),
        repeated=len(rows) - len(np.unique(rows["digest"])),
        norms=tuple(np.quantile(finite, NORM_QUANTILES, method="inverted_cdf").tolist()) if len(finite) else NO_NORMS,
        first_ids=heapq.nsmallest(sample_rows, chain.from_iterable(ids for _, ids in described)),
    )


def measure_moments(context: SparkContext, pca_features_uri: str, facts: VectorFacts) -> Gram | Unavailable:
    """Return mean and covariance of the stored PCA features; `facts` are theirs."""
    if facts.rows < 2:
        return Unavailable(f"{facts.rows} rows of PCA features have no covariance")
    if facts.narrowest != facts.widest or facts.non_finite:
        return Unavailable("the PCA features differ in width or are not finite")
    return gram_of_dataset(context, pca_features_uri, "pca_features")


def smallest_ids(context: SparkContext, uri: str, rows: int) -> list[str]:
    """Return the smallest image ids of a dataset that is not measured, ascending."""

    def of_files(uris: Sequence[str]) -> list[str]:
        batches = _batches(uris, ["image_id"])
        return heapq.nsmallest(rows, chain.from_iterable(batch.column(0).to_pylist() for batch in batches))

    groups = list(file_groups(uri, context.defaultParallelism))
    return heapq.nsmallest(rows, chain.from_iterable(one_task_each(context, groups, of_files).collect()))


def draw_sample(context: SparkContext, uri: str, column: str, facts: VectorFacts, rows: int = SAMPLE_ROWS) -> Sample:
    """Return the rows of the smallest image ids: ids are hashes, so this is a random choice, always the same one.

    `facts` are of these vectors, with as many `first_ids`. There are no rows if vectors differ in width.
    """
    rows = min(rows, SAMPLE_VALUES // max(facts.widest, 1))
    columns = ["image_id", "uri", "label", "split", column]
    ids = facts.first_ids[:rows]
    if not ids or facts.narrowest != facts.widest:
        return NO_SAMPLE

    def rows_up_to(last_id: str, uris: Sequence[str]) -> list[pa.RecordBatch]:
        return [batch.filter(pc.less_equal(batch["image_id"], last_id)) for batch in _batches(uris, columns)]

    groups = list(file_groups(uri, context.defaultParallelism))
    # No vector left a worker before: those of all groups decide which of a group's rows are among the first.
    drawn = one_task_each(context, groups, partial(rows_up_to, ids[-1])).flatMap(lambda batches: batches).collect()
    table = pa.Table.from_batches(drawn).sort_by("image_id").slice(0, rows)
    vectors = table[column].combine_chunks()
    if len(np.unique(widths_of(vectors))) > 1:
        return NO_SAMPLE
    return Sample(to_matrix(vectors), *[np.array(table[name].to_pylist(), object) for name in columns[1:4]])


def _batches(uris: Sequence[str], columns: list[str]) -> Iterator[pa.RecordBatch]:
    return (batch for uri in uris for batch in read_part(uri, columns, ROWS_PER_ARROW_BATCH))


def _describe(vectors: pa.ListArray) -> NDArray[np.void]:
    widths = widths_of(vectors)
    found = np.empty(len(widths), _DESCRIBED)
    found["digest"], found["width"], found["norm"] = _digest(b""), widths, np.nan
    # There is usually one width. The checks report rows of another width or null; they are no reason to stop here.
    for width in np.unique(widths[widths > 0]):
        rows = np.flatnonzero(widths == width)
        # Zero is added because -0 and 0 are the same number, but not the same bytes.
        matrix = to_matrix(pc.take(vectors, pa.array(rows)) if len(rows) < len(widths) else vectors) + np.float32(0)
        found["digest"][rows] = [_digest(row.data) for row in matrix]
        norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
        found["norm"][rows] = np.where(np.isfinite(norms), norms, np.nan)
    return found


def _digest(content: bytes | memoryview) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
