"""The passes that measure vectors and the model; each dataset of vectors is read once or twice."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, count_distinct, percentile_approx, xxhash64
from pyspark.sql.functions import max as max_of
from pyspark.sql.functions import min as min_of
from pyspark.sql.functions import sum as sum_of

from image_features.errors import Unavailable
from image_features.job.error_text import name_and_gist
from image_features.reduce.file_passes import gram_of_dataset
from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel
from image_features.reduce.spark_model import apply_model, load_model, to_pca_model
from image_features.storage.vector_columns import to_matrix, widths_of
from image_features.validate.evidence.evidence import Sample, VectorFacts

NORM_QUANTILES = (0.05, 0.5, 0.95)
MODEL_SAMPLE_ROWS = 200
SAMPLE_ROWS = 20_000
# 80 MB of float32, so that wide vectors do not fill the driver.
SAMPLE_VALUES = 20_000_000


def measure_vectors(frame: DataFrame, column: str) -> VectorFacts:
    """Measure all vectors of a column in one pass: numpy looks at each, and Spark sums up what it found."""
    hashed = frame.select(col(column), xxhash64(column).alias("digest"))
    seen = hashed.mapInArrow(_describe, "digest long, width int, finite boolean, zero boolean, norm double")
    row = seen.agg(
        count("digest").alias("rows"),
        min_of("width").alias("narrowest"),
        max_of("width").alias("widest"),
        sum_of((~col("finite")).cast("long")).alias("non_finite"),
        sum_of(col("zero").cast("long")).alias("zero"),
        (count("digest") - count_distinct("digest")).alias("repeated"),
        percentile_approx("norm", list(NORM_QUANTILES)).alias("norms"),
    ).first()
    assert row is not None, "an aggregate without groups has one row"
    # Without a row there are no quantiles and no sums.
    facts: dict[str, Any] = {name: found or 0 for name, found in row.asDict().items()}
    return VectorFacts(**{**facts, "norms": tuple(row["norms"] or (0.0, 0.0, 0.0))})


def measure_moments(spark: SparkSession, pca_features_uri: str, facts: VectorFacts) -> Gram | Unavailable:
    """Return mean and covariance of the stored PCA features; `facts` are theirs."""
    if facts.rows < 2:
        return Unavailable(f"{facts.rows} rows of PCA features have no covariance")
    if facts.narrowest != facts.widest or facts.non_finite:
        return Unavailable("the PCA features differ in width or are not finite")
    return gram_of_dataset(spark.sparkContext, pca_features_uri, "pca_features")


def measure_model(model_uri: str, features: DataFrame, pca_features: DataFrame) -> tuple[PcaModel | Unavailable, float]:
    """Load the model as any Spark would, apply it to a sample of features, and return it with its worst error."""
    pipeline = load_model(model_uri)
    if isinstance(pipeline, Unavailable):
        return Unavailable(f"{model_uri} does not load: {pipeline.reason}"), math.inf
    try:
        sample = features.orderBy("image_id").limit(MODEL_SAMPLE_ROWS)
        computed = apply_model(pipeline, sample).select("image_id", col("pca_features").alias("computed"))
        pairs = computed.join(pca_features, "image_id").select("pca_features", "computed").collect()
    except (Py4JError, PySparkException) as error:
        return Unavailable(f"{model_uri} does not transform: {': '.join(name_and_gist(error))}"), math.inf
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
    vectors = np.stack(table[column].to_list()) if len(table) else np.empty((0, 0), np.float32)
    return Sample(vectors, *[table[name].to_numpy(dtype=object) for name in ("uri", "label", "split")])


def _describe(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    names = ["digest", "width", "finite", "zero", "norm"]
    for batch in batches:
        vectors, digests = batch.column(0), batch.column(1)
        widths = widths_of(vectors)
        finite, zero = np.zeros(len(widths), bool), np.zeros(len(widths), bool)
        norms = np.full(len(widths), np.nan)
        # There is usually one width. The checks report rows of another width or null; they are no reason to stop here.
        for width in np.unique(widths[widths > 0]):
            rows = np.flatnonzero(widths == width)
            matrix = to_matrix(pc.take(vectors, pa.array(rows))) if len(rows) < len(widths) else to_matrix(vectors)
            finite[rows] = np.isfinite(matrix).all(axis=1)
            zero[rows] = ~matrix.any(axis=1)
            norms[rows] = np.linalg.norm(matrix.astype(np.float64), axis=1)
        norms_or_null = pa.array(norms, mask=~np.isfinite(norms))
        columns = [digests, pa.array(widths), pa.array(finite), pa.array(zero), norms_or_null]
        yield pa.RecordBatch.from_arrays(columns, names=names)
