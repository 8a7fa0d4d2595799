"""The labels that a cross-validated classifier and the nearest neighbors both contradict. Pure."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from image_features.errors import Unavailable
from image_features.validate.evidence.evidence import Sample
from image_features.validate.suspects.suspects import Suspect, Suspects

FOLDS = 5
NEIGHBORS = 5
# It has a closed form, and finds as much as a logistic regression at a tenth of its time. 0.05 to 0.5 do the same.
SHRINKAGE = 0.1
LEAST_DOUBT = 0.5
SEED = 0
# The factor is found by so many rows, between these numbers, as logarithms.
CALIBRATED_ROWS = 5_000
LOG_FACTORS = (float(np.log(0.001)), 0.0)

Matrix = NDArray[np.float32]


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
    probabilities = _by_discriminant(vectors[rows].astype(np.float32), own)
    is_contradicted = _prefers_another(votes, own) & _prefers_another(probabilities, own)
    mean = (probabilities + votes) / 2
    doubt = 1 - mean[np.arange(len(rows)), own]
    order = np.argsort(-doubt, kind="stable")
    suggested = mean.argmax(axis=1)
    found = [
        Suspect(sample.uris[rows[place]], labels[rows[place]], names[suggested[place]], round(float(doubt[place]), 4))
        for place in order
        if is_contradicted[place] and doubt[place] >= LEAST_DOUBT and suggested[place] != own[place]
    ]
    return Suspects(len(rows), found)


def _prefers_another(support: Matrix, numbers: NDArray[np.intp]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = support[np.arange(len(numbers)), numbers] < support.max(axis=1)
    return found


def _by_discriminant(vectors: Matrix, numbers: NDArray[np.intp]) -> Matrix:
    """Return the probability of each label (rows, labels), by a discriminant that did not see the row.

    It takes the roots of the entries, so that a few large ones do not lead it. It would be far too sure of itself, and
    right labels would look as doubtful as wrong ones: all scores are multiplied by the one number with which the given
    labels are most likely (temperature scaling; Guo et al. 2017, "On Calibration of Modern Neural Networks").
    """
    roots = np.sign(vectors) * np.sqrt(np.abs(vectors))
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    scores = cross_val_predict(discriminant, roots, numbers, cv=folds, method="decision_function").astype(np.float32)
    if scores.ndim == 1:
        # Of two labels there is one score, which is that of the second.
        scores = np.column_stack([np.zeros_like(scores), scores])
    some, own = scores[:CALIBRATED_ROWS], numbers[:CALIBRATED_ROWS]

    def unlikelihood(log_factor: float) -> float:
        return -float(log_softmax(some * np.float32(np.exp(log_factor)), axis=1)[np.arange(len(own)), own].mean())

    chosen = minimize_scalar(unlikelihood, bounds=LOG_FACTORS, method="bounded", options={"xatol": 0.05})
    found: Matrix = softmax(scores * np.float32(np.exp(chosen.x)), axis=1)
    return found


def _by_neighbors(neighbors: NDArray[np.intp], labels: int) -> Matrix:
    """Return the share of each label among the neighbors (rows, k), which are numbers of labels or negative."""
    votes = np.zeros((len(neighbors), labels + 1), np.float32)
    for column in neighbors[:, :NEIGHBORS].T:
        # A negative number is the last place.
        votes[np.arange(len(neighbors)), column] += 1
    counted = votes[:, :labels]
    shares: Matrix = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    return shares
