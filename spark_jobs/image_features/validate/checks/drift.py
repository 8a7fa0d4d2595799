"""Pure: how far this run's features have moved from those of the last published run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from image_features.validate.checks.check import Check, skipped, soft
from image_features.validate.evidence.evidence import Baseline, VectorFacts

# A classifier that tells old from new with an AUC of 0.5 guesses; from 0.75 on the two are plainly not the same.
AUC_LIMIT = 0.75
AUC_COMPONENTS = 50
# The customary reading of a population stability index: below 0.1 nothing, above 0.25 a shift. Of few rows it is
# large by chance alone: about a chi-squared variable of PSI_BINS - 1 degrees times (1 / rows then + 1 / rows now).
PSI_LIMIT = 0.25
PSI_CHANCE = 28.0  # of chi-squared with 9 degrees, the 99.9 % quantile
PSI_COMPONENTS = 10
PSI_BINS = 10
NORM_LIMIT = 0.1
SEED = 0
FEWEST_ROWS = 30

NEW_PHOTOGRAPHS = "if other fruit or another camera came in, that is why; if not, compare weights and preprocessing"


def norm_quantiles(features: VectorFacts, baseline: Baseline | str) -> Check:
    """The largest relative change of the 5 %, 50 % and 95 % quantiles of the vectors' norms."""
    name = "norm_quantiles"
    if isinstance(baseline, str):
        return skipped(name, "soft", baseline)
    then = baseline.summary.get("norm_quantiles")
    if baseline.reason or not then:
        return skipped(name, "soft", baseline.reason or "the published run's report has no norms")
    changes = [
        abs(now / before - 1) if before else float("inf") for now, before in zip(features.norms, then, strict=True)
    ]
    advice = f"norms were {_listed(then)} and are {_listed(features.norms)}: {NEW_PHOTOGRAPHS}"
    return soft(name, max(changes) <= NORM_LIMIT, max(changes), NORM_LIMIT, advice)


def domain_classifier(baseline: Baseline | str) -> Check:
    """Can a classifier tell the published run's features from this run's?"""
    name = "drift_classifier_auc"
    pair = _pair(baseline)
    if isinstance(pair, str):
        return skipped(name, "soft", pair)
    auc = domain_auc(*pair)
    advice = f"a classifier tells this run's features from the published ones: {NEW_PHOTOGRAPHS}"
    return soft(name, auc <= AUC_LIMIT, auc, AUC_LIMIT, advice)


def population_stability(baseline: Baseline | str) -> Check:
    """The largest population stability index of the first components."""
    name = "drift_psi"
    pair = _pair(baseline)
    if isinstance(pair, str):
        return skipped(name, "soft", pair)
    then, now = pair
    indices = [psi(then[:, column], now[:, column]) for column in range(min(PSI_COMPONENTS, then.shape[1]))]
    worst = int(np.argmax(indices))
    advice = f"component {worst + 1} is distributed otherwise than in the published run: {NEW_PHOTOGRAPHS}"
    limit = max(PSI_LIMIT, PSI_CHANCE * (1 / len(then) + 1 / len(now)))
    return soft(name, indices[worst] <= limit, indices[worst], limit, advice)


def domain_auc(then: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Cross-validated AUC of a logistic regression that separates two sets of rows."""
    rows = np.vstack([then[:, :AUC_COMPONENTS], now[:, :AUC_COMPONENTS]])
    is_now = np.repeat([0, 1], [len(then), len(now)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=SEED)
    scores = cross_val_predict(classifier, rows, is_now, cv=folds, method="decision_function")
    return float(roc_auc_score(is_now, scores))


def psi(then: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Population stability index over the deciles of `then`: the sum of (q - p) ln(q / p) over the bins' shares."""
    edges = np.unique(np.quantile(then, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    before, after = (_shares(np.searchsorted(edges, column), len(edges) + 1) for column in (then, now))
    return float(np.sum((after - before) * np.log(after / before)))


def _shares(bins: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    # Half a row in every bin: the logarithm of an empty one is infinite.
    counts = np.bincount(bins, minlength=count) + 0.5
    return counts / counts.sum()


def _pair(baseline: Baseline | str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | str:
    if isinstance(baseline, str):
        return baseline
    if baseline.then is None or baseline.now is None:
        return baseline.reason
    if min(len(baseline.then), len(baseline.now)) < FEWEST_ROWS:
        return f"fewer than {FEWEST_ROWS} images in this run or in the published one"
    return baseline.then, baseline.now


def _listed(norms: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{norm:.3g}" for norm in norms)
