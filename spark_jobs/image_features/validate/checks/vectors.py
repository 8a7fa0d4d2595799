"""Checks that the vectors are of the right width, finite, not zero, and not all alike."""

import numpy as np

from image_features.errors import Unavailable
from image_features.reduce.pca import PcaModel
from image_features.validate.checks.check import Judgement, check
from image_features.validate.evidence.evidence import VectorFacts

DEAD_LIMIT = 0.5
DEAD_GROWTH = 0.05
REPEATED_LIMIT = 0.05
REPEATED_GROWTH = 0.02


@check
def features_width(facts: VectorFacts, expected: int | None) -> Judgement | Unavailable:
    """Judge whether every feature vector has as many entries as the stats of featurize_images say."""
    return _width(facts, expected, "featurize_images")


@check
def pca_features_width(facts: VectorFacts, expected: int | None) -> Judgement | Unavailable:
    """Judge whether every PCA vector has as many entries as the stats of reduce_features say."""
    return _width(facts, expected, "reduce_features")


def _width(facts: VectorFacts, expected: int | None, stage: str) -> Judgement | Unavailable:
    if expected is None:
        return Unavailable(f"the stats of {stage} do not say how wide its vectors are")
    holds = facts.narrowest == facts.widest == expected
    found: int | str = facts.widest if facts.narrowest == facts.widest else f"{facts.narrowest} to {facts.widest}"
    return holds, found, expected, f"vectors of another width than {stage} promised: clear {stage}"


@check
def features_finite(facts: VectorFacts) -> Judgement:
    """Judge whether all entries of all feature vectors are finite; the value is how many vectors are not."""
    return _finite(facts, "featurize_images")


@check
def pca_features_finite(facts: VectorFacts) -> Judgement:
    """Judge whether all entries of all PCA vectors are finite; the value is how many vectors are not."""
    return _finite(facts, "reduce_features")


def _finite(facts: VectorFacts, stage: str) -> Judgement:
    advice = f"{facts.non_finite} of {facts.rows} vectors hold NaN, Inf or null: check the weights, then clear {stage}"
    return facts.non_finite == 0, facts.non_finite, 0, advice


@check
def no_zero_vectors(facts: VectorFacts) -> Judgement:
    """Judge whether no vector is zero in every entry."""
    advice = f"{facts.zero} of {facts.rows} images have a feature vector of zeros: do the weights fit the backbone?"
    return facts.zero == 0, facts.zero, 0, advice


@check
def dead_dimensions(model: PcaModel, published: float | None) -> Judgement:
    """Judge the share of dimensions that are the same for every image and so say nothing."""
    dead = model.std == 0
    share = float(np.mean(dead))
    limit = DEAD_LIMIT if published is None else min(DEAD_LIMIT, published + DEAD_GROWTH)
    advice = (
        f"{np.count_nonzero(dead)} of {len(dead)} dimensions never vary: are there enough images, and "
        "do the weights fit the backbone?"
    )
    return share <= limit, share, limit, advice


@check
def repeated_vectors(facts: VectorFacts, published: float | None) -> Judgement:
    """Judge the share of images whose vector is exactly that of another image before it."""
    share = facts.repeated / facts.rows if facts.rows else 0.0
    limit = REPEATED_LIMIT if published is None else min(REPEATED_LIMIT, published + REPEATED_GROWTH)
    advice = (
        f"{facts.repeated} of {facts.rows} vectors repeat another exactly: are the same photographs there under "
        "several names? In both Training and Test they make every accuracy look better than it is"
    )
    return share <= limit, share, limit, advice
