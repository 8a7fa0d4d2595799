"""The labels that a cross-validated classifier and the nearest neighbors both contradict. Pure."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from image_features.errors import Unavailable
from image_features.validate.evidence.evidence import Sample
from image_features.validate.suspects.suspects import Suspect, Suspects

FOLDS = 5
NEIGHBORS = 10
# It has a closed form, so that it costs a tenth of a logistic regression. 0.05 to 0.5 find the same suspects.
SHRINKAGE = 0.1
LEAST_DOUBT = 0.5
SEED = 0


def find_suspects(sample: Sample, nearest: NDArray[np.integer]) -> Suspects | Unavailable:
    """Return the images whose label both a linear discriminant, cross-validated, and the neighbors contradict.

    `nearest` has the places of the nearest rows of each row of the sample, the nearest first. The doubt is 1 minus the
    mean of the probability that the discriminant gives to the label, and of the share of the nearest neighbors that
    have it. Labels of fewer images than folds are not looked at, and such neighbors do not count.
    """
    vectors, labels = sample.vectors, sample.labels
    if not len(vectors) or not np.isfinite(vectors).all():
        return Unavailable("the PCA features are empty or not finite")
    counts = Counter(label for label in labels if label is not None)
    names = sorted(label for label, count in counts.items() if count >= FOLDS)
    if len(names) < 2:
        return Unavailable(f"fewer than two labels have {FOLDS} images or more")
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of.get(label, -1) for label in labels])
    rows = np.flatnonzero(numbers >= 0)
    own = numbers[rows]
    votes = _by_neighbors(numbers[nearest[rows]], len(names))
    support = np.stack([_by_discriminant(vectors[rows].astype(np.float32), own), votes])
    is_contradicted = (support.argmax(axis=2) != own).all(axis=0) & votes.any(axis=1)
    mean = support.mean(axis=0)
    doubt = 1 - mean[np.arange(len(rows)), own]
    order = np.argsort(-doubt, kind="stable")
    chosen = [place for place in order if is_contradicted[place] and doubt[place] >= LEAST_DOUBT]
    suggested = mean.argmax(axis=1)
    found = [
        Suspect(sample.uris[rows[place]], labels[rows[place]], names[suggested[place]], round(float(doubt[place]), 4))
        for place in chosen
        if suggested[place] != own[place]
    ]
    return Suspects(len(rows), found)


def _by_discriminant(vectors: NDArray[np.float32], numbers: NDArray[np.intp]) -> NDArray[np.float64]:
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    found: NDArray[np.float64] = cross_val_predict(discriminant, vectors, numbers, cv=folds, method="predict_proba")
    return found


def _by_neighbors(neighbors: NDArray[np.intp], labels: int) -> NDArray[np.float64]:
    """Return the share of each label among the neighbors (rows, k), which are numbers of labels or negative."""
    votes = np.zeros((len(neighbors), labels + 1))
    for column in neighbors[:, :NEIGHBORS].T:
        # A negative number is the last place.
        votes[np.arange(len(neighbors)), column] += 1
    counted = votes[:, :labels]
    shares: NDArray[np.float64] = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    return shares
