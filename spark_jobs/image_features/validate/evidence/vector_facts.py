"""The passes that measure vectors and the model: file by file on the workers, and a sample by Spark."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from image_features.errors import Unavailable
from image_features.job.error_text import name_and_gist
from image_features.reduce.file_passes import gram_of_dataset
from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel
from image_features.reduce.spark_model import apply_model, load_model, to_pca_model
from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part
from image_features.storage.vector_columns import to_matrix, widths_of
from image_features.validate.evidence.evidence import Sample, VectorFacts

NORM_QUANTILES = (0.05, 0.5, 0.95)
NO_NORMS = (0.0, 0.0, 0.0)
MODEL_SAMPLE_ROWS = 200
SAMPLE_ROWS = 20_000
# 80 MB of float32, so that wide vectors do not fill the driver.
SAMPLE_VALUES = 20_000_000
# Of one vector: `digest` is equal where vectors are, `width` -1 for null, `norm` NaN where an entry is not finite.
_DESCRIBED = np.dtype([("digest", np.uint64), ("width", np.int32), ("norm", np.float64)])


def measure_vectors(context: SparkContext, uri: str, column: str) -> VectorFacts:
    """Measure all vectors of a dataset's column in one pass; 20 bytes of each row come to the driver.

    The quantiles are norms of rows, and exact.
    """

    def describe_files(uris: Sequence[str]) -> NDArray[np.void]:
        batches = (batch for one in uris for batch in read_part(one, [column], ROWS_PER_ARROW_BATCH))
        return np.concatenate([np.empty(0, _DESCRIBED), *(_describe(batch.column(0)) for batch in batches)])

    groups = list(file_groups(uri, context.defaultParallelism))
    described = one_task_each(context, groups, describe_files).collect()
    rows = np.concatenate([np.empty(0, _DESCRIBED), *described])
    finite = rows["norm"][np.isfinite(rows["norm"])]
    return VectorFacts(
        rows=len(rows),
        narrowest=int(rows["width"].min()) if len(rows) else 0,
        widest=int(rows["width"].max()) if len(rows) else 0,
        non_finite=len(rows) - len(finite),
        zero=int(np.count_nonzero(finite == 0)),
        repeated=len(rows) - len(np.unique(rows["digest"])),
        norms=tuple(np.quantile(finite, NORM_QUANTILES, method="inverted_cdf").tolist()) if len(finite) else NO_NORMS,
    )


def measure_moments(spark: SparkSession, pca_features_uri: str, facts: VectorFacts) -> Gram | Unavailable:
    """Return mean and covariance of the stored PCA features; `facts` are theirs."""
    if facts.rows < 2:
        return Unavailable(f"{facts.rows} rows of PCA features have no covariance")
    if facts.narrowest != facts.widest or facts.non_finite:
        return Unavailable("the PCA features differ in width or are not finite")
    return gram_of_dataset(spark.sparkContext, pca_features_uri, "pca_features")


def measure_model(
    spark: SparkSession, model_uri: str, features: Sample, pca_features: Sample
) -> tuple[PcaModel | Unavailable, float]:
    """Load the model as any Spark would, and return it with its worst error over the first rows of `features`.

    The samples are drawn from this run's two datasets; a row of one is looked for in the other by its URI.
    """
    pipeline = load_model(model_uri)
    if isinstance(pipeline, Unavailable):
        return Unavailable(f"{model_uri} does not load: {pipeline.reason}"), math.inf
    stored = dict(zip(pca_features.uris, pca_features.vectors, strict=True))
    rows = zip(features.uris[:MODEL_SAMPLE_ROWS], features.vectors[:MODEL_SAMPLE_ROWS].tolist(), strict=True)
    sample = spark.createDataFrame([row for row in rows if row[0] in stored], "uri string, features array<float>")
    try:
        computed = apply_model(pipeline, sample).select("uri", "pca_features").collect()
    except (Py4JError, PySparkException) as error:
        return Unavailable(f"{model_uri} does not transform: {': '.join(name_and_gist(error))}"), math.inf
    pairs = [(stored[row["uri"]], row["pca_features"]) for row in computed]
    return to_pca_model(pipeline, rows=len(pairs)), worst_relative_error(pairs)


def worst_relative_error(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Return the largest difference of (stored, computed) pairs, relative to the stored row's largest entry.

    It is infinite if there is no pair or if the widths of one differ, and NaN if there is one among the entries.

    >>> worst_relative_error([([2.0, -4.0], [2.0, -4.5])])
    0.125
    """
    if not pairs or any(len(stored) != len(computed) for stored, computed in pairs):
        return math.inf
    stored, computed = (np.array(side, np.float64) for side in zip(*pairs, strict=True))
    scales = np.maximum(np.abs(stored).max(axis=1), np.finfo(np.float32).tiny)
    return float(np.max(np.abs(stored - computed).max(axis=1) / scales))


def draw_sample(frame: DataFrame, column: str, facts: VectorFacts, rows: int = SAMPLE_ROWS) -> Sample:
    """Return the rows of the smallest image ids: ids are hashes, so this is a random choice, always the same one.

    If the vectors differ in width there are no rows.
    """
    rows = min(rows, SAMPLE_VALUES // max(facts.widest, 1)) if facts.narrowest == facts.widest else 0
    drawn = frame.orderBy("image_id").limit(rows).select("uri", "label", "split", column)
    table: pd.DataFrame = drawn.toPandas()
    if table[column].map(len).nunique() > 1:
        table = table.iloc[:0]
    vectors = np.stack(table[column].to_list()) if len(table) else np.empty((0, 0), np.float32)
    return Sample(vectors, *[table[name].to_numpy(dtype=object) for name in ("uri", "label", "split")])


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
