"""How a model stands to other rows, from their Gram alone, against the rows themselves."""

import numpy as np
import pytest

from image_features.reduce.gram import gram_of
from image_features.reduce.pca import NonFiniteFeaturesError, NoVarianceError, drift_of, fit_pca, on_rows
from tests.spark_jobs.synthetic import DEAD_COLUMNS, feature_like

COMPONENTS = 6
FITTED = fit_pca(gram_of(feature_like(300, 20)), COMPONENTS)


def scaled(rows: np.ndarray) -> np.ndarray:
    """The rows in the model's scaling, without the columns that it scales to nothing."""
    alive = FITTED.std > 0
    return (rows.astype(np.float64)[:, alive] - FITTED.mean[alive]) / FITTED.std[alive]


def others() -> np.ndarray:
    """Rows that vary in other directions than those of the fit, and in a column that did not vary there."""
    rows = feature_like(200, 20)[:, ::-1].copy()
    rows[:, DEAD_COLUMNS[0]] = np.linspace(0, 5, 200)
    return rows


def test_what_the_components_keep_of_other_rows_is_the_variance_of_their_projections() -> None:
    rows = others()
    standing = on_rows(FITTED, gram_of(rows))
    projected = (rows - FITTED.mean) @ FITTED.projection
    expected = projected.var(axis=0, ddof=1) / scaled(rows).var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(standing.explained_variance_ratio, expected, rtol=1e-9)
    assert standing.rows == 200
    np.testing.assert_array_equal(standing.projection, FITTED.projection)


def test_the_drift_is_what_a_new_pca_of_the_scaled_rows_would_keep_more() -> None:
    rows = others()
    in_scaling = scaled(rows)
    centred = in_scaling - in_scaling.mean(axis=0)
    strengths = np.linalg.svd(centred, compute_uv=False) ** 2
    kept = np.sum((centred @ FITTED.components[FITTED.std > 0]) ** 2)
    expected = 1 - kept / strengths[:COMPONENTS].sum()
    assert expected > 0.1
    assert drift_of(on_rows(FITTED, gram_of(rows))) == pytest.approx(expected, rel=1e-9)


def test_on_its_own_rows_a_model_has_not_drifted() -> None:
    standing = on_rows(FITTED, gram_of(feature_like(300, 20)))
    assert drift_of(standing) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(standing.explained_variance_ratio, FITTED.explained_variance_ratio, rtol=1e-9)
    np.testing.assert_allclose(standing.spectrum, FITTED.spectrum, atol=1e-12)


def test_a_shift_of_all_rows_is_no_drift_for_variances_are_about_the_rows_own_mean() -> None:
    rows = feature_like(300, 20) + np.float32(4)
    assert drift_of(on_rows(FITTED, gram_of(rows))) == pytest.approx(0, abs=1e-6)


def test_rows_that_do_not_vary_or_are_not_finite_are_refused() -> None:
    with pytest.raises(NoVarianceError):
        on_rows(FITTED, gram_of(np.ones((5, 20), np.float32)))
    bad = feature_like(9, 20)
    bad[3, 3] = np.nan
    with pytest.raises(NonFiniteFeaturesError):
        on_rows(FITTED, gram_of(bad))
