"""Pure: the vectors are of the right width, finite, not zero, and not all alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from image_features.validate.checks.check import Check, hard, skipped, soft
from image_features.validate.evidence.evidence import VectorFacts

DEAD_LIMIT = 0.5
DEAD_GROWTH = 0.05
REPEATED_LIMIT = 0.05
REPEATED_GROWTH = 0.02


def width(name: str, facts: VectorFacts, expected: int | None, stage: str) -> Check:
    """Every vector has as many entries as its stage's stats promise; `name` and `stage` go into the result."""
    if expected is None:
        return skipped(name, "hard", f"the stats of {stage} do not say how wide its vectors are")
    holds = facts.narrowest == facts.widest == expected
    found: int | str = facts.widest if facts.narrowest == facts.widest else f"{facts.narrowest} to {facts.widest}"
    return hard(name, holds, found, expected, f"vectors of another width than {stage} promised: clear {stage}")


def finite(name: str, facts: VectorFacts, stage: str) -> Check:
    advice = f"{facts.non_finite} of {facts.rows} vectors hold NaN, Inf or null: check the weights, then clear {stage}"
    return hard(name, facts.non_finite == 0, facts.non_finite, 0, advice)


def no_zero_vectors(facts: VectorFacts) -> Check:
    advice = f"{facts.zero} of {facts.rows} images have a feature vector of zeros: do the weights fit the backbone?"
    return hard("no_zero_vectors", facts.zero == 0, facts.zero, 0, advice)


def dead_dimensions(std: NDArray[np.float64], published: float | None) -> Check:
    """The share of dimensions that are the same for every image and say nothing."""
    share = dead_share(std)
    limit = DEAD_LIMIT if published is None else min(DEAD_LIMIT, published + DEAD_GROWTH)
    advice = (
        f"{np.count_nonzero(std == 0)} of {len(std)} dimensions never vary: are there enough images, and do the "
        "weights fit the backbone?"
    )
    return soft("dead_dimensions", share <= limit, share, limit, advice)


def dead_share(std: NDArray[np.float64]) -> float:
    return float(np.mean(std == 0))


def repeated_vectors(facts: VectorFacts, published: float | None) -> Check:
    """The share of images whose vector is exactly that of another one before it."""
    share = repeated_share(facts)
    limit = REPEATED_LIMIT if published is None else min(REPEATED_LIMIT, published + REPEATED_GROWTH)
    advice = (
        f"{facts.repeated} of {facts.rows} vectors repeat another exactly: the same photographs under several names? "
        "In both Training and Test they make every accuracy look better than it is"
    )
    return soft("repeated_vectors", share <= limit, share, limit, advice)


def repeated_share(facts: VectorFacts) -> float:
    return facts.repeated / facts.rows if facts.rows else 0.0
