"""Checks of PCA features and their model: centred, uncorrelated, ordered, as strong as claimed, and reproducible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.evidence import ModelFacts, Moments
from image_features.validate.evidence.stage_stats import Stats, detail, fitted_elsewhere

MEANS_ZERO = Check("pca_means_zero", "hard", "PCA features are centered (largest mean, in deviations)")
COVARIANCE_DIAGONAL = Check("pca_covariance_diagonal", "hard", "PCA features are uncorrelated (largest correlation)")
MODEL_REPRODUCES = Check(
    "model_reproduces_rows", "hard", "The saved model loads and reproduces stored rows (worst relative error)"
)
VARIANCE_ORDERED = Check("explained_variance_ordered", "hard", "Components are in falling order (largest rise)")
VARIANCE_ENOUGH = Check(
    "explained_variance_enough", "hard", "The components explain the share that was asked for", is_share=True
)
COMPONENTS_AS_ASKED = Check("components_as_asked", "hard", "There are as many components as were asked for")
VARIANCE_TRUE = Check(
    "explained_variance_true", "hard", "Stored variances are those that the model claims (worst relative error)"
)

# In deviations and in correlation. Rounding to float32 costs about 1e-7; a wrong mean, scale or rotation at least 0.01.
MEAN_LIMIT = 1e-3
CORRELATION_LIMIT = 1e-3
# Relative to the largest entry of a row.
REPRODUCTION_LIMIT = 1e-5
VARIANCE_LIMIT = 1e-3
# In shares of the largest variance. What eigh leaves uncertain (about 1e-13) must stay far below a component's own.
SMALLEST_VARIANCE = 1e-9
# A model's ratios are in falling order to rounding.
ORDER_SLACK = 1e-9

NOT_LOADED = "the model does not load"
REFIT = "the PCA features were not made by this model from these features: clear reduce_features"


def pca_means_zero(moments: Moments | Unavailable) -> Finding:
    """Judge the largest mean of a component, in its own standard deviations."""
    if isinstance(moments, Unavailable):
        return MEANS_ZERO.skip(moments.reason)
    with np.errstate(invalid="ignore"):
        largest = float(np.max(np.abs(moments.mean) / _deviations(moments)))
    return MEANS_ZERO.judge(largest <= MEAN_LIMIT, largest, MEAN_LIMIT, REFIT)


def pca_covariance_diagonal(moments: Moments | Unavailable) -> Finding:
    """Judge the largest correlation between two components."""
    if isinstance(moments, Unavailable):
        return COVARIANCE_DIAGONAL.skip(moments.reason)
    deviations = _deviations(moments)
    with np.errstate(invalid="ignore"):
        correlation = np.abs(moments.covariance / np.outer(deviations, deviations))
    np.fill_diagonal(correlation, 0.0)
    largest = float(np.max(correlation))
    return COVARIANCE_DIAGONAL.judge(largest <= CORRELATION_LIMIT, largest, CORRELATION_LIMIT, REFIT)


def model_reproduces_rows(model: ModelFacts | Unavailable) -> Finding:
    """Judge the worst error of a sample of stored rows against the saved model, loaded and applied by Spark ML."""
    if isinstance(model, Unavailable):
        advice = f"{model.reason}: clear reduce_features"
        return MODEL_REPRODUCES.judge(False, "not loaded", REPRODUCTION_LIMIT, advice)
    holds = model.worst_error <= REPRODUCTION_LIMIT
    return MODEL_REPRODUCES.judge(holds, model.worst_error, REPRODUCTION_LIMIT, REFIT)


def explained_variance_ordered(model: ModelFacts | Unavailable) -> Finding:
    """Judge whether each component explains no more than the one before it; the value is the largest rise."""
    if isinstance(model, Unavailable):
        return VARIANCE_ORDERED.skip(NOT_LOADED)
    rise = float(np.max(np.diff(model.explained_variance_ratio), initial=0.0))
    advice = "the model's components are out of order: clear reduce_features"
    return VARIANCE_ORDERED.judge(rise <= ORDER_SLACK, rise, ORDER_SLACK, advice)


def explained_variance_enough(model: ModelFacts | Unavailable, reduce: Stats | None) -> Finding:
    """Judge whether the components explain the share that was asked for, or are as many as were asked for."""
    if isinstance(model, Unavailable):
        return VARIANCE_ENOUGH.skip(NOT_LOADED)
    if reduce is None:
        return VARIANCE_ENOUGH.skip("the stats of reduce_features are missing")
    share, elsewhere = reduce["arguments"].get("explained_variance"), fitted_elsewhere(reduce)
    count, asked = len(model.explained_variance_ratio), reduce["arguments"].get("pca_components")
    if share is None:
        advice = "there is another number of components than was asked for: clear reduce_features"
        return COMPONENTS_AS_ASKED.judge(count == asked, count, asked, advice)
    if elsewhere:
        # The model explains that share of the rows of its fit. Of these it may explain less: model_drift judges that.
        return VARIANCE_ENOUGH.skip(elsewhere, detail(reduce, "explained_variance"))
    explained = float(np.sum(model.explained_variance_ratio))
    advice = "fewer components were kept than the asked share needs: clear reduce_features"
    # A share of 1 is a sum of hundreds of ratios that rounds to a little less.
    return VARIANCE_ENOUGH.judge(explained >= share - 1e-9, explained, share, advice)


def explained_variance_true(model: ModelFacts | Unavailable, moments: Moments | Unavailable) -> Finding:
    """Judge the largest relative error of the stored variances against those that the model claims.

    Standardized columns have a variance of 1 each, so a component's is its ratio times the number of columns that vary.
    """
    if isinstance(model, Unavailable):
        return VARIANCE_TRUE.skip(NOT_LOADED)
    if isinstance(moments, Unavailable):
        return VARIANCE_TRUE.skip(moments.reason)
    claimed = model.explained_variance_ratio * np.count_nonzero(model.std)
    if claimed.shape != moments.mean.shape:
        return VARIANCE_TRUE.judge(False, f"{len(moments.mean)} components", f"{len(claimed)} components", REFIT)
    uncertain = SMALLEST_VARIANCE * np.max(claimed)
    worst = float(np.max(np.abs(np.diagonal(moments.covariance) - claimed) / (claimed + uncertain)))
    return VARIANCE_TRUE.judge(worst <= VARIANCE_LIMIT, worst, VARIANCE_LIMIT, REFIT)


def _deviations(moments: Moments) -> NDArray[np.float64]:
    variances = np.diagonal(moments.covariance)
    return np.sqrt(np.maximum(variances, SMALLEST_VARIANCE * np.max(variances)))
