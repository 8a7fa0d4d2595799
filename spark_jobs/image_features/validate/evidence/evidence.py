"""The evidence on a run, which is all that the checks see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel
from image_features.unavailable import Unavailable
from image_features.validate.evidence.stage_stats import Stats


@dataclass(frozen=True)
class ClassCounts:
    """What became of the images of one label and split. `manifest` counts rows, all others image ids.

    `missing` are in neither features nor rejects, `doubled` more than once in them, `unknown` there but not in the
    manifest, `repeated` more than once in the manifest, `unreduced` in features or pca_features but not once in both,
    `relabeled` have another label or split in features than in the manifest.
    """

    label: str | None
    split: str | None
    manifest: int = 0
    features: int = 0
    rejects: int = 0
    ignored: int = 0
    missing: int = 0
    doubled: int = 0
    unknown: int = 0
    repeated: int = 0
    unreduced: int = 0
    relabeled: int = 0


@dataclass(frozen=True)
class Membership:
    """The counts of every class, that is of every label and split."""

    classes: Sequence[ClassCounts]

    def total(self, count: str) -> int:
        """Return the sum of a count over all classes."""
        return sum(getattr(of_class, count) for of_class in self.classes)

    def labels(self, count: str) -> dict[str, int]:
        """Return a count by label, all splits together, without the labels that have none."""
        counts: dict[str, int] = {}
        for of_class in self.classes:
            if of_class.label is not None and getattr(of_class, count):
                counts[of_class.label] = counts.get(of_class.label, 0) + getattr(of_class, count)
        return counts


@dataclass(frozen=True)
class RejectGroup:
    """The number of rejects of one stage and reason, and the first few of them as (uri, detail)."""

    stage: str
    reason: str
    count: int
    examples: Sequence[tuple[str, str | None]]


@dataclass(frozen=True)
class VectorFacts:
    """Facts about all vectors of one dataset; `norms` are the 5 %, 50 % and 95 % quantiles of their Euclidean norms."""

    rows: int
    narrowest: int
    widest: int
    non_finite: int
    zero: int
    repeated: int
    norms: tuple[float, ...]


@dataclass(frozen=True)
class Sample:
    """Rows of one dataset, the same ones whenever it is drawn: those of the smallest image ids."""

    vectors: NDArray[np.float32]
    uris: NDArray[np.object_]
    labels: NDArray[np.object_]
    splits: NDArray[np.object_]


@dataclass(frozen=True)
class Baseline:
    """The last published run: the summary of its report, and samples of its features (`then`) and this run's (`now`).

    Both samples are in this run's principal components.
    """

    summary: Mapping[str, Any]
    then: NDArray[np.float64]
    now: NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """All evidence on a run.

    `moments` are those of the stored PCA features. `model` is the saved one; `worst_error` is the largest relative
    error of stored rows against what it computes, as `worst_relative_error` measures it.
    """

    membership: Membership
    rejects: Sequence[RejectGroup]
    features: VectorFacts
    pca_features: VectorFacts
    moments: Gram | Unavailable
    model: PcaModel | Unavailable
    worst_error: float
    stats: Mapping[str, Stats | None]
    sample: Sample
    baseline: Baseline | Unavailable
    max_reject_share: float
