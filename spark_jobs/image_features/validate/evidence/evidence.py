"""The evidence on a run, which is all that the checks see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from image_features.errors import Unavailable
from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel
from image_features.validate.arguments import ValidateArguments
from image_features.validate.duplicates.duplicates import NO_DUPLICATES, Duplicates
from image_features.validate.evidence.stage_stats import Stats
from image_features.validate.suspects.suspects import NO_FLAWS, NO_SUSPECTS, Flaws, Suspects


@dataclass(frozen=True)
class Membership:
    """What became of all images, in numbers and names that do not grow with the number of labels.

    Of `totals`, `manifest` counts rows. Image ids are counted by `features`, `rejects`, `ignored`; `missing`, which are
    in neither features nor rejects; `doubled`, more than once in them; `unknown`, there but not in the manifest;
    `repeated`, more than once in the manifest; `unreduced`, in features or pca_features but not once in both; and
    `relabeled`, with another label or split in features than in the manifest. Labels are counted by `labels`, which
    have features; `lost`, which have none, though not all of their images were rejected; and `new`, which the manifest
    does not have. `named` are the first of the lost and of the new labels.

    `balance` has the images with features by label and split, the largest label first: all labels, or of many the
    largest and the smallest, half of each. `balanced` of the totals says how many it chose from.
    """

    totals: Mapping[str, int]
    named: Mapping[str, Sequence[str]]
    balance: Sequence[tuple[str, Mapping[str | None, int]]]


@dataclass(frozen=True)
class RejectGroup:
    """The number of rejects of one stage and reason, and the first few of them as (uri, detail)."""

    stage: str
    reason: str
    count: int
    examples: Sequence[tuple[str, str | None]]


@dataclass(frozen=True)
class VectorFacts:
    """Facts about all vectors of one dataset; `norms` are the 5 %, 50 % and 95 % quantiles of their Euclidean norms.

    `first_ids` are the smallest image ids, ascending: those of a sample.
    """

    rows: int
    narrowest: int
    widest: int
    non_finite: int
    zero: int
    repeated: int
    norms: tuple[float, ...]
    first_ids: Sequence[str] = ()


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
    error of stored rows against what it computes, as `worst_relative_error` measures it. `nearest` has the places of
    the nearest rows of each row of the sample. `duplicates`, `suspects` and `flaws` are added last.
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
    nearest: NDArray[np.uint16]
    baseline: Baseline | Unavailable
    asked: ValidateArguments
    duplicates: Duplicates | Unavailable = NO_DUPLICATES
    suspects: Suspects | Unavailable = NO_SUSPECTS
    flaws: Flaws = NO_FLAWS
