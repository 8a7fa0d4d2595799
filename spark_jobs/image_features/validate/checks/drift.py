"""Checks of how far this run's features have moved from those of the last published run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.evidence import Baseline, VectorFacts

NORM_QUANTILES = Check("norm_quantiles", "soft", "Norms are those of the published run (largest change)", is_share=True)
DRIFT_CLASSIFIER = Check(
    "drift_classifier_auc", "soft", "No classifier separates this run from the published one (AUC)"
)
DRIFT_PSI = Check("drift_psi", "soft", "The first components are distributed as published (PSI)")

# A classifier that separates old from new with an AUC of 0.5 guesses; from 0.75 on the two plainly differ.
AUC_LIMIT = 0.75
AUC_COMPONENTS = 50
# The usual reading of a population stability index: below 0.1 no shift, above 0.25 a shift. With few rows it is large
# by chance alone: about a chi-squared variable of PSI_BINS - 1 degrees times (1 / rows then + 1 / rows now).
PSI_LIMIT = 0.25
PSI_CHANCE = 28.0  # of chi-squared with 9 degrees, the 99.9 % quantile
PSI_COMPONENTS = 10
PSI_BINS = 10
NORM_LIMIT = 0.1
SEED = 0
FEWEST_ROWS = 30

NEW_PHOTOGRAPHS = "new fruit or another camera explain that; otherwise compare weights and preprocessing"


def norm_quantiles(features: VectorFacts, baseline: Baseline | Unavailable) -> Finding:
    """Judge the largest relative change of the 5 %, 50 % and 95 % quantiles of the vectors' norms."""
    if isinstance(baseline, Unavailable):
        return NORM_QUANTILES.skip(baseline.reason)
    then = baseline.summary.get("norm_quantiles")
    if not then:
        return NORM_QUANTILES.skip("the published run's report has no norms")
    changes = [
        abs(now / before - 1) if before else float("inf") for now, before in zip(features.norms, then, strict=True)
    ]
    advice = f"norms were {_listed(then)} and are {_listed(features.norms)}: {NEW_PHOTOGRAPHS}"
    return NORM_QUANTILES.judge(max(changes) <= NORM_LIMIT, max(changes), NORM_LIMIT, advice)


def drift_classifier(baseline: Baseline | Unavailable) -> Finding:
    """Judge how well a classifier separates the published run's features from this run's."""
    baseline = _large_enough(baseline)
    if isinstance(baseline, Unavailable):
        return DRIFT_CLASSIFIER.skip(baseline.reason)
    auc = domain_auc(baseline.then, baseline.now)
    advice = f"a classifier separates this run's features from the published ones: {NEW_PHOTOGRAPHS}"
    return DRIFT_CLASSIFIER.judge(auc <= AUC_LIMIT, auc, AUC_LIMIT, advice)


def drift_psi(baseline: Baseline | Unavailable) -> Finding:
    """Judge the largest population stability index of the first components."""
    baseline = _large_enough(baseline)
    if isinstance(baseline, Unavailable):
        return DRIFT_PSI.skip(baseline.reason)
    then, now = baseline.then, baseline.now
    indices = [psi(then[:, column], now[:, column]) for column in range(min(PSI_COMPONENTS, then.shape[1]))]
    worst = int(np.argmax(indices))
    advice = f"component {worst + 1} is not distributed as in the published run: {NEW_PHOTOGRAPHS}"
    limit = max(PSI_LIMIT, PSI_CHANCE * (1 / len(then) + 1 / len(now)))
    return DRIFT_PSI.judge(indices[worst] <= limit, indices[worst], limit, advice)


def domain_auc(then: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the cross-validated AUC of a logistic regression that separates two sets of rows."""
    rows = np.vstack([then[:, :AUC_COMPONENTS], now[:, :AUC_COMPONENTS]])
    is_now = np.repeat([0, 1], [len(then), len(now)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=SEED)
    scores = cross_val_predict(classifier, rows, is_now, cv=folds, method="decision_function")
    return float(roc_auc_score(is_now, scores))


def psi(then: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the population stability index over the deciles of `then`.

    It is the sum of (q - p) ln(q / p) over the shares p and q of the rows that each bin holds then and now.

    >>> rows = np.arange(100.0)
    >>> psi(rows, rows)
    0.0
    >>> round(psi(rows, rows + 50), 1)
    2.3
    """
    edges = np.unique(np.quantile(then, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    before, after = (_shares(np.searchsorted(edges, column), len(edges) + 1) for column in (then, now))
    return float(np.sum((after - before) * np.log(after / before)))


def _shares(bins: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    # Half a row is added to every bin, because the logarithm of an empty one is infinite.
    counts = np.bincount(bins, minlength=count) + 0.5
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _large_enough(baseline: Baseline | Unavailable) -> Baseline | Unavailable:
    if not isinstance(baseline, Unavailable) and min(len(baseline.then), len(baseline.now)) < FEWEST_ROWS:
        return Unavailable(f"fewer than {FEWEST_ROWS} images are in this run or in the published one")
    return baseline


def _listed(norms: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{norm:.3g}" for norm in norms)
