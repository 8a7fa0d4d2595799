"""Pure: the PCA features are centred, uncorrelated, ordered, as strong as the model says, and the model makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from image_features.validate.checks.check import Check, hard
from image_features.validate.evidence.evidence import ModelFacts, Moments

# In deviations and in correlation. Rounding to float32 costs about 1e-7; a wrong mean, scale or rotation 0.01 and more.
MEAN_LIMIT = 1e-3
CORRELATION_LIMIT = 1e-3
# Relative to the largest entry of a row.
REPRODUCTION_LIMIT = 1e-5
VARIANCE_LIMIT = 1e-3
# Of the largest variance: what eigh leaves uncertain (about 1e-13 of it) must stay far below a component's own.
SMALLEST_VARIANCE = 1e-9
# A model's ratios are in falling order to rounding.
ORDER_SLACK = 1e-9

INF = float("inf")
REFIT = "the PCA features were not made by this model from these features: clear reduce_features"


def means_zero(moments: Moments) -> Check:
    """The largest mean of a component, in its own standard deviations."""
    with np.errstate(invalid="ignore"):
        largest = float(np.max(np.abs(moments.mean) / _deviations(moments)))
    return hard("pca_means_zero", largest <= MEAN_LIMIT, largest, MEAN_LIMIT, REFIT)


def covariance_diagonal(moments: Moments) -> Check:
    """The largest correlation between two components."""
    deviations = _deviations(moments)
    with np.errstate(invalid="ignore"):
        correlation = np.abs(moments.covariance / np.outer(deviations, deviations))
    np.fill_diagonal(correlation, 0.0)
    largest = float(np.max(correlation))
    return hard("pca_covariance_diagonal", largest <= CORRELATION_LIMIT, largest, CORRELATION_LIMIT, REFIT)


def variance_ordered(model: ModelFacts) -> Check:
    """Each component explains no more than the one before it; the value is the largest rise."""
    rise = float(np.max(np.diff(model.explained_variance_ratio), initial=0.0))
    advice = "the model's components are out of order: clear reduce_features"
    return hard("explained_variance_ordered", rise <= ORDER_SLACK, rise, ORDER_SLACK, advice)


def variance_as_promised(model: ModelFacts, moments: Moments) -> Check:
    """The variances of what is stored are those that the model claims for its components; the largest relative error.

    Standardized columns have a variance of 1 each, so a component's is its ratio times the number of columns that vary.
    """
    claimed = model.explained_variance_ratio * np.count_nonzero(model.std)
    if claimed.shape != moments.mean.shape:
        found = f"{len(moments.mean)} components"
        return hard("explained_variance_true", False, found, f"{len(claimed)} components", REFIT)
    uncertain = SMALLEST_VARIANCE * np.max(claimed)
    worst = float(np.max(np.abs(np.diagonal(moments.covariance) - claimed) / (claimed + uncertain)))
    return hard("explained_variance_true", worst <= VARIANCE_LIMIT, worst, VARIANCE_LIMIT, REFIT)


def variance_enough(model: ModelFacts, asked: Mapping[str, Any]) -> Check:
    """The components explain the share that was asked for, or are as many as were asked for."""
    explained = float(np.sum(model.explained_variance_ratio))
    share = asked.get("explained_variance")
    if share is not None:
        advice = "fewer components were kept than the asked share needs: clear reduce_features"
        return hard("explained_variance_enough", _reaches(explained, share), explained, share, advice)
    count = len(model.explained_variance_ratio)
    advice = "another number of components than was asked for: clear reduce_features"
    return hard("components_as_asked", count == asked.get("pca_components"), count, asked.get("pca_components"), advice)


def model_reproduces(model: ModelFacts) -> Check:
    """The saved model, loaded and applied by Spark ML, gives the stored rows; the worst error of a sample."""
    holds = model.worst_error <= REPRODUCTION_LIMIT
    return hard("model_reproduces_rows", holds, model.worst_error, REPRODUCTION_LIMIT, REFIT)


def worst_relative_error(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Of pairs (stored, computed), the largest difference relative to the stored row's largest entry.

    Infinite if there is no pair or if one's widths differ; NaN if there is one among the entries.
    """
    errors = [_relative_error(stored, computed) for stored, computed in pairs]
    # numpy's maximum, because Python's passes over a NaN.
    return float(np.max(errors)) if errors else INF


def _deviations(moments: Moments) -> NDArray[np.float64]:
    variances = np.diagonal(moments.covariance)
    return np.sqrt(np.maximum(variances, SMALLEST_VARIANCE * np.max(variances)))


def _relative_error(stored: Sequence[float], computed: Sequence[float]) -> float:
    if len(stored) != len(computed):
        return INF
    expected = np.asarray(stored, np.float64)
    scale = max(float(np.max(np.abs(expected))), float(np.finfo(np.float32).tiny))
    return float(np.max(np.abs(expected - computed))) / scale


def _reaches(explained: float, share: float) -> bool:
    # A share of 1 is a sum of hundreds of ratios that rounds to a little less.
    return explained >= share - 1e-9
