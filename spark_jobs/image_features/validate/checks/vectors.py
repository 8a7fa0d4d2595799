"""Checks that the vectors are of the right width, finite, not zero, and not all alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.evidence import ModelFacts, VectorFacts

FEATURES_WIDTH = Check("features_width", "hard", "Feature vectors are as wide as the backbone's output")
PCA_FEATURES_WIDTH = Check("pca_features_width", "hard", "PCA features are as wide as the model's output")
FEATURES_FINITE = Check("features_finite", "hard", "Features hold no NaN or Inf")
PCA_FEATURES_FINITE = Check("pca_features_finite", "hard", "PCA features hold no NaN or Inf")
NO_ZERO_VECTORS = Check("no_zero_vectors", "hard", "No feature vector is zero")
DEAD_DIMENSIONS = Check("dead_dimensions", "soft", "Few dimensions never vary", is_share=True)
REPEATED_VECTORS = Check("repeated_vectors", "soft", "Few vectors repeat another exactly", is_share=True)

DEAD_LIMIT = 0.5
DEAD_GROWTH = 0.05
REPEATED_LIMIT = 0.05
REPEATED_GROWTH = 0.02


def width(check: Check, facts: VectorFacts, expected: int | None, stage: str) -> Finding:
    """Judge whether every vector has as many entries as the stats of `stage` say."""
    if expected is None:
        return check.skip(f"the stats of {stage} do not say how wide its vectors are")
    holds = facts.narrowest == facts.widest == expected
    found: int | str = facts.widest if facts.narrowest == facts.widest else f"{facts.narrowest} to {facts.widest}"
    return check.judge(holds, found, expected, f"vectors of another width than {stage} promised: clear {stage}")


def finite(check: Check, facts: VectorFacts, stage: str) -> Finding:
    """Judge whether all entries of all vectors are finite; the value is how many vectors are not."""
    advice = f"{facts.non_finite} of {facts.rows} vectors hold NaN, Inf or null: check the weights, then clear {stage}"
    return check.judge(facts.non_finite == 0, facts.non_finite, 0, advice)


def no_zero_vectors(facts: VectorFacts) -> Finding:
    """Judge whether no vector is zero in every entry."""
    advice = f"{facts.zero} of {facts.rows} images have a feature vector of zeros: do the weights fit the backbone?"
    return NO_ZERO_VECTORS.judge(facts.zero == 0, facts.zero, 0, advice)


def dead_dimensions(model: ModelFacts | Unavailable, published: float | None) -> Finding:
    """Judge the share of dimensions that are the same for every image and so say nothing."""
    if isinstance(model, Unavailable):
        return DEAD_DIMENSIONS.skip("the model does not load")
    share = dead_share(model.std)
    limit = DEAD_LIMIT if published is None else min(DEAD_LIMIT, published + DEAD_GROWTH)
    advice = (
        f"{np.count_nonzero(model.std == 0)} of {len(model.std)} dimensions never vary: are there enough images, and "
        "do the weights fit the backbone?"
    )
    return DEAD_DIMENSIONS.judge(share <= limit, share, limit, advice)


def dead_share(std: NDArray[np.float64]) -> float:
    """Return the share of dimensions that never vary.

    >>> dead_share(np.array([0.0, 1.5, 2.0, 0.0]))
    0.5
    """
    return float(np.mean(std == 0))


def repeated_vectors(facts: VectorFacts, published: float | None) -> Finding:
    """Judge the share of images whose vector is exactly that of another image before it."""
    share = repeated_share(facts)
    limit = REPEATED_LIMIT if published is None else min(REPEATED_LIMIT, published + REPEATED_GROWTH)
    advice = (
        f"{facts.repeated} of {facts.rows} vectors repeat another exactly: are the same photographs there under "
        "several names? In both Training and Test they make every accuracy look better than it is"
    )
    return REPEATED_VECTORS.judge(share <= limit, share, limit, advice)


def repeated_share(facts: VectorFacts) -> float:
    """Return the share of vectors that repeat another, 0 where there are none."""
    return facts.repeated / facts.rows if facts.rows else 0.0
