"""Checks of what a simple classifier can do with the PCA features: a linear probe, and nearest neighbors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.evidence import Sample

LINEAR_PROBE = Check("linear_probe_accuracy", "soft", "A linear probe beats guessing", is_share=True)
KNN = Check("knn_accuracy", "soft", "Nearest neighbors beat guessing", is_share=True)

NEIGHBORS = 5
FOLDS = 5
# Labels with fewer images than folds cannot be in every fold.
FEWEST_PER_LABEL = FOLDS
# Training rows of the linear probe: more make it slower and hardly better.
MOST_TRAINING_ROWS = 12_000
ACCURACY_LOSS = 0.02
SEED = 0

Protocol = Literal["split", "folds"]


@dataclass(frozen=True)
class Probe:
    """The rows that were scored, as places in the sample, their true labels, and each classifier's answers."""

    protocol: Protocol
    trained: int
    scored: NDArray[np.intp]
    truth: NDArray[np.object_]
    linear: NDArray[np.object_]
    knn: NDArray[np.object_]

    @property
    def linear_accuracy(self) -> float:
        return float(np.mean(self.linear == self.truth))

    @property
    def knn_accuracy(self) -> float:
        return float(np.mean(self.knn == self.truth))

    @property
    def guessing(self) -> float:
        """The accuracy of always saying the commonest label."""
        return max(Counter(self.truth).values()) / len(self.truth)

    @property
    def described(self) -> str:
        if self.protocol == "split":
            return f"trained on {self.trained:,} images of Training, scored on {len(self.scored):,} images of Test"
        return f"{FOLDS}-fold cross-validation on {len(self.scored):,} images"


def probe(sample: Sample) -> Probe | Unavailable:
    """Train both classifiers on `Training` and score them on `Test`; without such splits, cross-validate them."""
    if not len(sample.vectors) or not np.isfinite(sample.vectors).all():
        return Unavailable("the PCA features are empty or not finite")
    usable = _usable(sample)
    if len(set(sample.labels[usable])) < 2:
        return Unavailable(f"fewer than two labels have {FEWEST_PER_LABEL} images or more")
    vectors = _scaled(sample.vectors)
    training = usable & (sample.splits == "Training")
    test = usable & (sample.splits == "Test") & np.isin(sample.labels, np.unique(sample.labels[training].astype(str)))
    if len(set(sample.labels[training])) >= 2 and test.any():
        return _on_split(vectors, sample.labels, _thinned(np.flatnonzero(training)), np.flatnonzero(test))
    return _on_folds(vectors, sample.labels, _thinned(np.flatnonzero(usable)))


def linear_probe_accuracy(found: Probe | Unavailable, published: float | None) -> Finding:
    """Judge the linear probe against guessing, and against the published run if that is known."""
    if isinstance(found, Unavailable):
        return LINEAR_PROBE.skip(found.reason)
    return _judged(LINEAR_PROBE, found.linear_accuracy, found, published)


def knn_accuracy(found: Probe | Unavailable, published: float | None) -> Finding:
    """Judge nearest neighbors against guessing, and against the published run if that is known."""
    if isinstance(found, Unavailable):
        return KNN.skip(found.reason)
    return _judged(KNN, found.knn_accuracy, found, published)


def _judged(check: Check, accuracy: float, found: Probe, published: float | None) -> Finding:
    limit = found.guessing if published is None else max(found.guessing, published - ACCURACY_LOSS)
    advice = (
        f"{accuracy:.1%} ({found.described}), where always saying the commonest label gets {found.guessing:.1%}"
        + (f" and the published run {published:.1%}" if published is not None else "")
        + ": are the labels right, and do the weights fit the backbone?"
    )
    return check.judge(accuracy > limit or accuracy == 1.0, accuracy, limit, advice)


def _on_split(
    vectors: NDArray[np.float32], labels: NDArray[np.object_], training: NDArray[np.intp], test: NDArray[np.intp]
) -> Probe:
    answers = [
        classifier.fit(vectors[training], labels[training].astype(str)).predict(vectors[test])
        for classifier in _classifiers()
    ]
    return Probe("split", len(training), test, labels[test], *[answer.astype(object) for answer in answers])


def _on_folds(vectors: NDArray[np.float32], labels: NDArray[np.object_], rows: NDArray[np.intp]) -> Probe:
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    answers = [
        cross_val_predict(classifier, vectors[rows], labels[rows].astype(str), cv=folds)
        for classifier in _classifiers()
    ]
    return Probe("folds", len(rows), rows, labels[rows], *[answer.astype(object) for answer in answers])


def _classifiers() -> tuple[ClassifierMixin, ClassifierMixin]:
    return LogisticRegression(max_iter=100), KNeighborsClassifier(NEIGHBORS)


def _usable(sample: Sample) -> NDArray[np.bool_]:
    counts = Counter(label for label in sample.labels if label is not None)
    return np.array([counts[label] >= FEWEST_PER_LABEL for label in sample.labels], dtype=bool)


def _scaled(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors divided by one number, so that regularization means the same for every backbone.

    Distances keep their order.
    """
    return vectors / max(float(np.sqrt(np.mean(vectors**2))), 1e-30)


def _thinned(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    # The sample is in the order of image ids, which are hashes: its first rows are a random choice.
    return rows[:MOST_TRAINING_ROWS]
