"""The labels that a cross-validated classifier and the nearest neighbors both contradict. Pure."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from image_features.errors import Unavailable

FOLDS = 5
NEIGHBORS = 10
# It has a closed form, so that it costs a tenth of a logistic regression. 0.05 to 0.5 find the same suspects.
SHRINKAGE = 0.1
LEAST_DOUBT = 0.5
SEED = 0
NO_SUSPECTS = Unavailable("suspects were not looked for")


@dataclass(frozen=True)
class Suspect:
    """An image whose label is doubtful: `doubt` is from 0.5 to 1, and `suggested` the label that its vector has."""

    uri: str
    label: str
    suggested: str
    doubt: float


@dataclass(frozen=True)
class Suspects:
    """The suspects among the images that were `looked_at`, those with most doubt first."""

    looked_at: int
    found: list[Suspect]


def find_suspects(
    vectors: NDArray[np.floating], labels: NDArray[np.object_], uris: NDArray[np.object_]
) -> Suspects | Unavailable:
    """Return the images whose label both a linear discriminant, cross-validated, and the neighbors contradict.

    The doubt is 1 minus the mean of the probability that the discriminant gives to the label, and of the share of the
    nearest neighbors that have it. Labels of fewer images than folds are not looked at.
    """
    if not len(vectors) or not np.isfinite(vectors).all():
        return Unavailable("the PCA features are empty or not finite")
    counts = Counter(label for label in labels if label is not None)
    names = sorted(label for label, count in counts.items() if count >= FOLDS)
    if len(names) < 2:
        return Unavailable(f"fewer than two labels have {FOLDS} images or more")
    number_of = {name: number for number, name in enumerate(names)}
    rows = np.flatnonzero([label in number_of for label in labels])
    numbers = np.array([number_of[labels[row]] for row in rows])
    some = vectors[rows].astype(np.float32)
    support = np.stack([_by_discriminant(some, numbers), _by_neighbors(some, numbers, len(names))])
    own = np.arange(len(rows))
    is_contradicted = (support.argmax(axis=2) != numbers).all(axis=0)
    mean = support.mean(axis=0)
    doubt = 1 - mean[own, numbers]
    order = np.argsort(-doubt, kind="stable")
    chosen = [place for place in order if is_contradicted[place] and doubt[place] >= LEAST_DOUBT]
    suggested = mean.argmax(axis=1)
    found = [
        Suspect(uris[rows[place]], labels[rows[place]], names[suggested[place]], round(float(doubt[place]), 4))
        for place in chosen
        if suggested[place] != numbers[place]
    ]
    return Suspects(len(rows), found)


def _by_discriminant(vectors: NDArray[np.float32], numbers: NDArray[np.intp]) -> NDArray[np.float64]:
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    found: NDArray[np.float64] = cross_val_predict(discriminant, vectors, numbers, cv=folds, method="predict_proba")
    return found


def _by_neighbors(vectors: NDArray[np.float32], numbers: NDArray[np.intp], labels: int) -> NDArray[np.float64]:
    count = min(NEIGHBORS, len(vectors) - 1)
    # The model's own rows are asked for: a row is no neighbor of itself.
    nearest = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors).kneighbors(return_distance=False)
    votes = np.zeros((len(vectors), labels))
    for place in range(count):
        votes[np.arange(len(vectors)), numbers[nearest[:, place]]] += 1 / count
    return votes
