"""The last published run, read for comparison: its summary, and a sample of its features next to this run's."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from image_features.errors import MissingDatasetError, Unavailable
from image_features.reduce.pca import PcaModel, inverse_or_zero
from image_features.schemas import FEATURES
from image_features.storage.datasets import read_dataset
from image_features.storage.snapshots import newest_other, other_vectors
from image_features.validate.arguments import ValidateArguments
from image_features.validate.evidence.evidence import Baseline, VectorFacts
from image_features.validate.evidence.vector_facts import draw_sample, measure_vectors

SAMPLE_ROWS = 2_000
COMPONENTS = 50


def read_baseline(
    spark: SparkSession,
    arguments: ValidateArguments,
    features: DataFrame,
    facts: VectorFacts,
    model: PcaModel | Unavailable,
    identity: Mapping[str, Any] | None,
) -> Baseline | Unavailable:
    """Read the newest snapshot of another run than this one, if its vectors can be compared with this run's.

    `facts` are of `features`, and `identity` is that of this run's vectors.
    """
    published = newest_other(arguments.published_uri, arguments.features_uri)
    if isinstance(published, Unavailable):
        return published
    reason = other_vectors(published, identity)
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
    return Baseline(published.get("summary", {}), _projected(then.vectors, model), _projected(now.vectors, model))


def _projected(vectors: NDArray[np.float32], model: PcaModel) -> NDArray[np.float64]:
    scaled = (vectors - model.mean) * inverse_or_zero(model.std)
    return scaled @ model.components[:, :COMPONENTS]
