"""What is known of a run's near-duplicates: numbers and examples for the checks and the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_features.errors import Unavailable

NO_DUPLICATES = Unavailable("near-duplicates were not looked for")


@dataclass(frozen=True)
class Leak:
    """An image of Test with the image of Training that is most like it, as URIs and labels."""

    uri: str
    label: str | None
    training_uri: str
    training_label: str | None
    likeness: float


@dataclass(frozen=True)
class Duplicates:
    """The near-duplicates of a run: pairs of images with a likeness of at least `least`.

    `grouped` images are in `groups` groups, the `largest` of so many images. Of the `test` images of Test, `leaked`
    have a near-duplicate in Training; `leaks` are examples. `sample_groups` and `sample_splits` have the number of the
    group and the proposed split of each row of the evidence's sample.
    """

    least: float
    pairs: int
    groups: int
    grouped: int
    largest: int
    test: int
    leaked: int
    leaks: Sequence[Leak]
    sample_groups: NDArray[np.int64]
    sample_splits: NDArray[np.object_]
