"""The last published run, read for comparison: its summary, and a sample of its features next to this run's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from image_features.errors import MissingDatasetError
from image_features.reduce.pca import inverse_or_zero
from image_features.schemas import FEATURES
from image_features.storage.datasets import read_dataset
from image_features.storage.snapshots import newest_other
from image_features.unavailable import Unavailable
from image_features.validate.arguments import ValidateArguments
from image_features.validate.evidence.evidence import Baseline, ModelFacts, VectorFacts
from image_features.validate.evidence.vector_facts import draw_sample, measure_vectors
from run_contract.params import identity_params

SAMPLE_ROWS = 2_000
COMPONENTS = 50
# What makes two vectors of one photograph comparable. Engines are not in it: they agree to 1e-4.
IDENTITY = (*(param.name for param in identity_params()), "weights_sha256", "dimension")


def read_baseline(
    spark: SparkSession,
    arguments: ValidateArguments,
    features: DataFrame,
    facts: VectorFacts,
    model: ModelFacts | Unavailable,
    identity: Mapping[str, Any],
) -> Baseline | Unavailable:
    """Read the newest snapshot of another run than this one, if its vectors can be compared with this run's.

    `facts` are of `features`, and `identity` is that of this run's vectors.
    """
    published = newest_other(arguments.published_uri, arguments.features_uri)
    if isinstance(published, Unavailable):
        return published
    summary = published.get("summary", {})
    reason = incomparable(identity, summary)
    if reason:
        return Unavailable(reason)
    if isinstance(model, Unavailable):
        return Unavailable("this run's model does not load")
    try:
        published_features = read_dataset(spark, published["features_uri"], FEATURES)
    except MissingDatasetError as error:
        return Unavailable(f"the published features are gone: {error.uri}")
    then = draw_sample(published_features, "features", measure_vectors(published_features, "features"), SAMPLE_ROWS)
    now = draw_sample(features, "features", facts, SAMPLE_ROWS)
    return Baseline(summary, _projected(then.vectors, model), _projected(now.vectors, model))


def incomparable(identity: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Return why vectors of `identity` cannot be compared with those of a published summary, empty if they can."""
    differing = [name for name in IDENTITY if identity.get(name) != summary.get(name)]
    pairs = [f"{name} {summary.get(name)} there, {identity.get(name)} here" for name in differing]
    return f"the published run has other vectors ({', '.join(pairs)})" if pairs else ""


def _projected(vectors: NDArray[np.float32], model: ModelFacts) -> NDArray[np.float64]:
    scaled = (vectors - model.mean) * inverse_or_zero(model.std)
    return scaled @ model.components[:, :COMPONENTS]
