"""PCA features and model, each broken in one way and judged by the check that is there for it."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from image_features.reduce.gram import gram_of
from image_features.reduce.pca import fit_pca, project
from image_features.validate.checks.pca import (
    components_suffice,
    explained_variance_ordered,
    explained_variance_true,
    model_reproduces_rows,
    pca_covariance_diagonal,
    pca_means_zero,
)
from image_features.validate.evidence.model_error import worst_relative_error
from tests.spark_jobs.synthetic import feature_like

VECTORS = feature_like(400, 30)
MODEL = fit_pca(gram_of(VECTORS), 8)
STORED = project(VECTORS, MODEL.mean, MODEL.projection)


def asked(arguments: dict[str, Any]) -> dict[str, Any]:
    """Stats of reduce_features that was asked for this."""
    return {"arguments": arguments, "details": {}}


def test_pca_features_of_this_project_pass_all() -> None:
    moments = gram_of(STORED)
    checks = [pca_means_zero(moments), pca_covariance_diagonal(moments), explained_variance_true(MODEL, moments)]
    checks += [
        explained_variance_ordered(MODEL),
        model_reproduces_rows(1e-7, ""),
        components_suffice(MODEL, asked({"pca_components": 8})),
    ]
    assert [(check.kind, check.verdict) for check in checks] == [("hard", "passed")] * 6
    # Rounding to float32 alone is a thousand times below the limits.
    assert max(float(str(check.value)) for check in checks[:3]) < 1e-6


def test_pca_features_off_their_mean_fail() -> None:
    moved = STORED.copy()
    moved[:, 5] += 0.01 * moved[:, 5].std(ddof=1)
    check = pca_means_zero(gram_of(moved))
    assert check.verdict == "failed"
    assert check.value == pytest.approx(0.01, rel=1e-4)


def test_a_mixture_of_two_components_fails() -> None:
    mixed = STORED.copy()
    mixed[:, 2] += 0.2 * mixed[:, 6]
    check = pca_covariance_diagonal(gram_of(mixed))
    assert check.verdict == "failed"
    before = STORED.astype(float)
    expected = np.corrcoef(before[:, 2] + 0.2 * before[:, 6], before[:, 6])[0, 1]
    assert check.value == pytest.approx(expected, rel=1e-3)


def test_a_component_without_variance_fails_by_its_variance_alone() -> None:
    flat = STORED.copy()
    flat[:, 7] = 0
    assert pca_covariance_diagonal(gram_of(flat)).verdict == "passed"
    check = explained_variance_true(MODEL, gram_of(flat))
    assert check.verdict == "failed"
    assert check.value == pytest.approx(1)


def test_pca_features_that_are_all_zero_fail_rather_than_divide_by_zero() -> None:
    nothing = gram_of(np.zeros_like(STORED))
    assert pca_means_zero(nothing).verdict == "failed"
    assert pca_covariance_diagonal(nothing).verdict == "failed"


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_every_direction_there_is_passes_down_to_the_faintest(scale: float) -> None:
    rng = np.random.default_rng(2)
    strong, faint = rng.normal(size=(300, 3)), scale * 1e-2 * rng.normal(size=(300, 20))
    vectors = (strong @ rng.normal(size=(3, 20)) + faint).astype(np.float32)
    model = fit_pca(gram_of(vectors), explained_variance=1.0)
    moments = gram_of(project(vectors, model.mean, model.projection))
    assert model.components.shape[1] >= 19
    checks = [pca_means_zero(moments), pca_covariance_diagonal(moments)]
    assert [check.verdict for check in checks] == ["passed", "passed"]


def test_projections_of_features_that_were_not_scaled_fail() -> None:
    unscaled = ((VECTORS - MODEL.mean) @ MODEL.components).astype(np.float32)
    assert explained_variance_true(MODEL, gram_of(unscaled)).verdict == "failed"


def test_fewer_stored_components_than_the_model_has_fail() -> None:
    check = explained_variance_true(MODEL, gram_of(STORED[:, :7]))
    assert (check.verdict, check.value, check.limit) == ("failed", "7 components", "8 components")


def test_components_out_of_order_fail() -> None:
    swapped = MODEL.explained_variance_ratio[[1, 0, 2, 3, 4, 5, 6, 7]]
    check = explained_variance_ordered(dataclasses.replace(MODEL, explained_variance_ratio=swapped))
    assert check.verdict == "failed"
    assert check.value == pytest.approx(swapped[1] - swapped[0])


def test_less_explained_variance_than_asked_fails() -> None:
    explained = float(MODEL.explained_variance_ratio.sum())
    assert components_suffice(MODEL, asked({"explained_variance": explained - 0.01})).verdict == "passed"
    check = components_suffice(MODEL, asked({"explained_variance": explained + 0.01}))
    assert (check.name, check.verdict) == ("explained_variance_enough", "failed")


def test_another_number_of_components_than_asked_fails() -> None:
    check = components_suffice(MODEL, asked({"pca_components": 9, "explained_variance": None}))
    assert (check.name, check.verdict, check.value, check.limit) == ("components_as_asked", "failed", 8, 9)


@pytest.mark.parametrize("error", [1e-3, float("inf"), float("nan")])
def test_a_model_that_does_not_reproduce_its_rows_fails(error: float) -> None:
    check = model_reproduces_rows(error, "")
    assert check.verdict == "failed"
    assert isinstance(check.value, str) == (not np.isfinite(error))


def test_the_worst_error_is_relative_to_the_rows_largest_entry() -> None:
    assert worst_relative_error([([1.0, 10.0], [1.0, 10.0]), ([2.0, -4.0], [2.0, -4.1])]) == pytest.approx(0.025)


@pytest.mark.parametrize("pairs", [[], [([1.0, 2.0], [1.0])]])
def test_nothing_to_compare_is_an_infinite_error(pairs: list[Any]) -> None:
    assert worst_relative_error(pairs) == float("inf")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_nan_among_the_rows_is_not_passed_over(place: int) -> None:
    pairs = [([1.0], [1.0]), ([1.0], [1.0]), ([1.0], [1.0])]
    pairs[place] = ([1.0], [float("nan")])
    assert np.isnan(worst_relative_error(pairs))
