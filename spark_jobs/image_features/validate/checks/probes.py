"""Checks of what a simple classifier can do with the PCA features: a linear probe, and nearest neighbors."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from image_features.errors import Unavailable
from image_features.validate.checks.check import Judgement, check
from image_features.validate.duplicates.duplicates import NO_DUPLICATES
from image_features.validate.evidence.evidence import Sample

NEIGHBORS = 5
FOLDS = 5
# Labels with fewer images than folds cannot be in every fold.
FEWEST_PER_LABEL = FOLDS
# Training rows of the linear probe: more make it slower and hardly better.
MOST_TRAINING_ROWS = 12_000
ACCURACY_LOSS = 0.02
SEED = 0


@dataclass(frozen=True)
class Probe:
    """The rows that were scored, as places in the sample, their true labels, and each classifier's answers.

    `grouped` is the same with groups of near-duplicates kept together.
    """

    protocol: Literal["split", "folds"]
    trained: int
    scored: NDArray[np.intp]
    truth: NDArray[np.object_]
    linear: NDArray[np.object_]
    knn: NDArray[np.object_]
    grouped: "Probe | Unavailable" = NO_DUPLICATES

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


def probe(sample: Sample, groups: NDArray[np.int64] | None = None) -> Probe | Unavailable:
    """Train both classifiers on `Training` and score them on `Test`; without such splits, cross-validate them.

    Rows of one of the `groups` are then in one fold.
    """
    if not len(sample.vectors) or not np.isfinite(sample.vectors).all():
        return Unavailable("the PCA features are empty or not finite")
    counts = Counter(label for label in sample.labels if label is not None)
    names = sorted(label for label, count in counts.items() if count >= FEWEST_PER_LABEL)
    if len(names) < 2:
        return Unavailable(f"fewer than two labels have {FEWEST_PER_LABEL} images or more")
    # Numbers and not texts: an array of texts is as wide as its longest label.
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of.get(label, -1) for label in sample.labels])
    # Divided by one number, so that regularization means the same for every backbone. Distances keep their order.
    vectors = sample.vectors / max(float(np.sqrt(np.mean(sample.vectors**2))), 1e-30)
    training = (numbers >= 0) & (sample.splits == "Training")
    test = (numbers >= 0) & (sample.splits == "Test") & np.isin(numbers, numbers[training])
    on_split = len(set(numbers[training])) >= 2 and bool(test.any())
    # The sample is in the order of image ids, which are hashes: its first rows are a random choice.
    trained = np.flatnonzero(training if on_split else numbers >= 0)[:MOST_TRAINING_ROWS]
    scored = np.flatnonzero(test) if on_split else trained
    answers = []
    # A Training of few photographs may have fewer than there are neighbors.
    nearest = KNeighborsClassifier(min(NEIGHBORS, len(trained)))
    for classifier in (LogisticRegression(max_iter=100), nearest):
        if on_split:
            answer = classifier.fit(vectors[trained], numbers[trained]).predict(vectors[scored])
        else:
            kind = StratifiedKFold if groups is None else StratifiedGroupKFold
            folds = kind(n_splits=FOLDS, shuffle=True, random_state=SEED)
            together = None if groups is None else groups[trained]
            answer = cross_val_predict(classifier, vectors[trained], numbers[trained], cv=folds, groups=together)
        answers.append(np.array(names, dtype=object)[answer])
    return Probe("split" if on_split else "folds", len(trained), scored, sample.labels[scored], *answers)


@check
def linear_probe_accuracy(found: Probe, published: float | None) -> Judgement:
    """Judge the linear probe against guessing, and against the published run if that is known."""
    return _judged(found.linear_accuracy, found, published)


@check
def knn_accuracy(found: Probe, published: float | None) -> Judgement:
    """Judge nearest neighbors against guessing, and against the published run if that is known."""
    return _judged(found.knn_accuracy, found, published)


def _judged(accuracy: float, found: Probe, published: float | None) -> Judgement:
    limit = found.guessing if published is None else max(found.guessing, published - ACCURACY_LOSS)
    advice = (
        f"{accuracy:.1%} ({found.described}), where always saying the commonest label gets {found.guessing:.1%}"
        + (f" and the published run {published:.1%}" if published is not None else "")
        + ": are the labels right, and do the weights fit the backbone?"
    )
    return accuracy > limit or accuracy == 1.0, accuracy, limit, advice
