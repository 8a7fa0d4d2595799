"""The last published run, read for comparison: its summary, and a sample of its features next to this run's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark import SparkContext

from image_features.errors import MissingDatasetError, Unavailable
from image_features.reduce.pca import PcaModel, inverse_or_zero
from image_features.schemas import FEATURES
from image_features.storage.datasets import check_dataset
from image_features.storage.snapshots import newest_other, other_vectors
from image_features.validate.arguments import ValidateArguments
from image_features.validate.evidence.evidence import Baseline, Sample, VectorFacts
from image_features.validate.evidence.vector_facts import draw_sample, smallest_ids

SAMPLE_ROWS = 2_000
COMPONENTS = 50


def read_baseline(
    context: SparkContext,
    arguments: ValidateArguments,
    features: Sample,
    facts: VectorFacts,
    model: PcaModel | Unavailable,
    identity: Mapping[str, Any] | None,
) -> Baseline | Unavailable:
    """Read the newest snapshot of another run than this one, if its vectors can be compared with this run's.

    `features` is a sample of them of SAMPLE_ROWS, `facts` are of all, and `identity` is that of this run's vectors:
    vectors of the same identity have the same width.
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
        check_dataset(published["features_uri"], FEATURES)
    except MissingDatasetError as error:
        return Unavailable(f"the published features are gone: {error.uri}")
    of_then = replace(facts, first_ids=smallest_ids(context, published["features_uri"], SAMPLE_ROWS))
    then = draw_sample(context, published["features_uri"], "features", of_then, SAMPLE_ROWS)
    widths = {features.vectors.shape[1], then.vectors.shape[1], len(model.mean)}
    if len(widths) > 1:
        return Unavailable(f"this run's vectors, the published ones and the model are of several widths: {widths}")
    return Baseline(published.get("summary", {}), _projected(then.vectors, model), _projected(features.vectors, model))


def _projected(vectors: NDArray[np.float32], model: PcaModel) -> NDArray[np.float64]:
    scaled = (vectors - model.mean) * inverse_or_zero(model.std)
    return scaled @ model.components[:, :COMPONENTS]
