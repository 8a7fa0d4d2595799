"""Checks of PCA features and their model: centred, uncorrelated, ordered, as strong as claimed, and reproducible."""

import numpy as np
from numpy.typing import NDArray

from image_features.errors import Unavailable
from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel
from image_features.validate.checks.check import Finding, Judgement, check
from image_features.validate.evidence.stage_stats import Stats, detail, fitted_elsewhere

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

REFIT = "the PCA features were not made by this model from these features: clear reduce_features"


@check
def pca_means_zero(moments: Gram) -> Judgement:
    """Judge the largest mean of a component, in its own standard deviations."""
    with np.errstate(invalid="ignore"):
        largest = float(np.max(np.abs(moments.mean) / _deviations(moments)))
    return largest <= MEAN_LIMIT, largest, MEAN_LIMIT, REFIT


@check
def pca_covariance_diagonal(moments: Gram) -> Judgement:
    """Judge the largest correlation between two components."""
    deviations = _deviations(moments)
    with np.errstate(invalid="ignore"):
        correlation = np.abs(moments.covariance() / np.outer(deviations, deviations))
    np.fill_diagonal(correlation, 0.0)
    largest = float(np.max(correlation))
    return largest <= CORRELATION_LIMIT, largest, CORRELATION_LIMIT, REFIT


@check
def model_reproduces_rows(worst_error: float, not_loaded: str) -> Judgement:
    """Judge the worst error of a sample of stored rows against the saved model, loaded and applied by Spark ML."""
    if not_loaded:
        return False, "not loaded", REPRODUCTION_LIMIT, f"{not_loaded}: clear reduce_features"
    return worst_error <= REPRODUCTION_LIMIT, worst_error, REPRODUCTION_LIMIT, REFIT


@check
def explained_variance_ordered(model: PcaModel) -> Judgement:
    """Judge whether each component explains no more than the one before it; the value is the largest rise."""
    rise = float(np.max(np.diff(model.explained_variance_ratio), initial=0.0))
    return rise <= ORDER_SLACK, rise, ORDER_SLACK, "the model's components are out of order: clear reduce_features"


def components_suffice(model: PcaModel | Unavailable, reduce: Stats | None) -> Finding:
    """Judge the share of variance that was asked for, or the number of components where that was asked for."""
    if reduce is None:
        return explained_variance_enough(model, Unavailable("the stats of reduce_features are missing"))
    is_share = reduce["arguments"].get("explained_variance") is not None
    judge = explained_variance_enough if is_share or isinstance(model, Unavailable) else components_as_asked
    return judge(model, reduce)


@check
def components_as_asked(model: PcaModel, reduce: Stats) -> Judgement:
    """Judge whether there are as many components as were asked for."""
    count, asked = len(model.explained_variance_ratio), reduce["arguments"].get("pca_components")
    advice = "there is another number of components than was asked for: clear reduce_features"
    return count == asked, count, asked, advice


@check
def explained_variance_enough(model: PcaModel, reduce: Stats) -> Judgement:
    """Judge whether the components explain the share that was asked for."""
    share, elsewhere = reduce["arguments"]["explained_variance"], fitted_elsewhere(reduce)
    if elsewhere:
        # The model explains that share of the rows of its fit. Of these it may explain less: model_drift judges that.
        return None, detail(reduce, "explained_variance"), None, elsewhere
    explained = float(np.sum(model.explained_variance_ratio))
    advice = "fewer components were kept than the asked share needs: clear reduce_features"
    # A share of 1 is a sum of hundreds of ratios that rounds to a little less.
    return explained >= share - 1e-9, explained, share, advice


@check
def explained_variance_true(model: PcaModel, moments: Gram) -> Judgement:
    """Judge the largest relative error of the stored variances against those that the model claims.

    Standardized columns have a variance of 1 each, so a component's is its ratio times the number of columns that vary.
    """
    claimed = model.explained_variance_ratio * np.count_nonzero(model.std)
    if claimed.shape != moments.mean.shape:
        return False, f"{moments.width} components", f"{len(claimed)} components", REFIT
    uncertain = SMALLEST_VARIANCE * np.max(claimed)
    worst = float(np.max(np.abs(np.diagonal(moments.covariance()) - claimed) / (claimed + uncertain)))
    return worst <= VARIANCE_LIMIT, worst, VARIANCE_LIMIT, REFIT


def _deviations(moments: Gram) -> NDArray[np.float64]:
    variances = np.diagonal(moments.covariance())
    return np.sqrt(np.maximum(variances, SMALLEST_VARIANCE * np.max(variances)))
