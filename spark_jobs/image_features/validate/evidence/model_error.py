"""How far the stored rows are from what the saved model computes."""

import math
from collections.abc import Sequence

import numpy as np
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from image_features.errors import Unavailable
from image_features.job.error_text import name_and_gist
from image_features.reduce.pca import PcaModel
from image_features.reduce.spark_model import apply_model, to_pca_model
from image_features.validate.evidence.evidence import Sample

MODEL_SAMPLE_ROWS = 200


def measure_model(
    spark: SparkSession,
    model_uri: str,
    pipeline: PipelineModel | Unavailable,
    features: Sample,
    pca_features: Sample,
) -> tuple[PcaModel | Unavailable, float]:
    """Return the model that `load_model` found, with its worst error over the first rows of `features`.

    The samples are drawn from this run's two datasets; a row of one is looked for in the other by its URI.
    """
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
