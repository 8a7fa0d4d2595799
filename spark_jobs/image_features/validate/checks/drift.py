"""Checks of how far this run has moved: from the published features, and from the rows that its model was fitted on."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from image_features.errors import Unavailable
from image_features.validate.checks.check import Judgement, check
from image_features.validate.evidence.evidence import Baseline, VectorFacts
from image_features.validate.evidence.stage_stats import Stats, detail

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
TOO_FEW_ROWS = Unavailable(f"fewer than {FEWEST_ROWS} images are in this run or in the published one")

NEW_PHOTOGRAPHS = "new fruit or another camera explain that; otherwise compare weights and preprocessing"


@check
def model_drift(reduce: Stats | None) -> Judgement | Unavailable:
    """Judge the share of variance that a model of an earlier run loses against a new one, from the Gram matrix."""
    model = detail(reduce, "model")
    if model is None:
        return Unavailable("the stats of reduce_features do not say where the model was fitted")
    if model["action"] != "project":
        return Unavailable("the model was fitted on the rows of this run")
    limit = model["drift_limit"]
    advice = (
        f"a new model would keep more of the variance than the one of {model['fitted_in']}: run with reduce refit, "
        "or auto, which fits a new model above this limit"
    )
    return model["drift"] <= limit, model["drift"], limit, advice


@check
def norm_quantiles(features: VectorFacts, baseline: Baseline) -> Judgement | Unavailable:
    """Judge the largest relative change of the 5 %, 50 % and 95 % quantiles of the vectors' norms."""
    then, now = baseline.summary.get("norm_quantiles"), features.norms
    if not then:
        return Unavailable("the published run's report has no norms")
    largest = max(abs(after / before - 1) if before else math.inf for before, after in zip(then, now, strict=True))
    listed = [", ".join(f"{norm:.3g}" for norm in norms) for norms in (then, now)]
    return largest <= NORM_LIMIT, largest, NORM_LIMIT, f"norms were {listed[0]} and are {listed[1]}: {NEW_PHOTOGRAPHS}"


@check
def drift_classifier_auc(baseline: Baseline) -> Judgement | Unavailable:
    """Judge how well a classifier separates the published run's features from this run's."""
    if not _is_large_enough(baseline):
        return TOO_FEW_ROWS
    auc = domain_auc(baseline.then, baseline.now)
    advice = f"a classifier separates this run's features from the published ones: {NEW_PHOTOGRAPHS}"
    return auc <= AUC_LIMIT, auc, AUC_LIMIT, advice


@check
def drift_psi(baseline: Baseline) -> Judgement | Unavailable:
    """Judge the largest population stability index of the first components."""
    if not _is_large_enough(baseline):
        return TOO_FEW_ROWS
    then, now = baseline.then, baseline.now
    indices = [psi(then[:, column], now[:, column]) for column in range(min(PSI_COMPONENTS, then.shape[1]))]
    worst = int(np.argmax(indices))
    advice = f"component {worst + 1} is not distributed as in the published run: {NEW_PHOTOGRAPHS}"
    limit = max(PSI_LIMIT, PSI_CHANCE * (1 / len(then) + 1 / len(now)))
    return indices[worst] <= limit, indices[worst], limit, advice


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


def _is_large_enough(baseline: Baseline) -> bool:
    return min(len(baseline.then), len(baseline.now)) >= FEWEST_ROWS
