"""Standardizing and PCA from a Gram matrix, against scikit-learn's full SVD."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from image_features.reduce.gram import Gram, gram_of, gram_of_batches
from image_features.reduce.pca import (
    NonFiniteFeaturesError,
    NoVarianceError,
    PcaModel,
    TooManyComponentsError,
    fit_pca,
    project,
    with_fixed_signs,
)
from tests.spark_jobs.synthetic import DEAD_COLUMNS, feature_like


def fit(vectors: np.ndarray, components: int | None = None, explained_variance: float | None = None) -> PcaModel:
    gram = gram_of_batches(np.array_split(vectors, 7))
    assert gram is not None
    return fit_pca(gram, components, explained_variance)


def reference(vectors: np.ndarray, components: int) -> tuple[PCA, np.ndarray]:
    """scikit-learn's PCA and its projection, signs fixed and rescaled from its population deviation to the sample's."""
    scaled = StandardScaler().fit_transform(vectors.astype(np.float64))
    pca = PCA(n_components=components, svd_solver="full").fit(scaled)
    signs = np.sign(pca.components_[np.arange(components), np.abs(pca.components_).argmax(axis=1)])
    sample_scale = np.sqrt((len(vectors) - 1) / len(vectors))
    return pca, pca.transform(scaled) * signs * sample_scale


def test_components_and_ratios_equal_scikit_learns() -> None:
    vectors = feature_like(600, 80)
    model = fit(vectors, 20)
    pca, _ = reference(vectors, 20)
    np.testing.assert_allclose(model.components, with_fixed_signs(pca.components_.T), atol=1e-9)
    np.testing.assert_allclose(model.explained_variance_ratio, pca.explained_variance_ratio_, atol=1e-12)


def test_the_projection_equals_scikit_learns() -> None:
    vectors = feature_like(600, 80)
    model = fit(vectors, 20)
    _, expected = reference(vectors, 20)
    in_float64 = (vectors - model.mean) @ model.projection
    np.testing.assert_allclose(in_float64, expected, atol=1e-9)
    np.testing.assert_array_equal(project(vectors, model.mean, model.projection), in_float64.astype(np.float32))


def test_deviations_are_of_the_sample_as_in_spark() -> None:
    vectors = feature_like(50, 10)
    np.testing.assert_allclose(fit(vectors, 2).std, vectors.astype(np.float64).std(axis=0, ddof=1), rtol=1e-12, atol=0)


def test_columns_that_never_vary_are_scaled_to_zero() -> None:
    vectors = feature_like(50, 10)
    model = fit(vectors, 2)
    assert list(np.flatnonzero(model.std == 0)) == list(DEAD_COLUMNS)
    assert not model.projection[list(DEAD_COLUMNS)].any()


def test_the_largest_loading_of_each_component_is_positive() -> None:
    components = fit(feature_like(200, 30), 10).components
    assert (components[np.abs(components).argmax(axis=0), np.arange(10)] > 0).all()
    np.testing.assert_array_equal(with_fixed_signs(-components), components)


def test_the_same_rows_give_the_same_bits() -> None:
    vectors = feature_like(300, 40)
    first, second = fit(vectors, 10), fit(vectors.copy(), 10)
    np.testing.assert_array_equal(first.components, second.components)
    np.testing.assert_array_equal(first.explained_variance_ratio, second.explained_variance_ratio)


@pytest.mark.parametrize("share", [0.3, 0.8, 0.95, 0.999])
def test_explained_variance_takes_the_fewest_components_that_reach_it(share: float) -> None:
    vectors = feature_like(300, 40)
    ratios = reference(vectors, 40)[0].explained_variance_ratio_
    model = fit(vectors, explained_variance=share)
    assert model.explained_variance_ratio.sum() >= share
    assert len(model.explained_variance_ratio) == int(np.argmax(np.cumsum(ratios) >= share)) + 1


def test_an_explained_variance_of_one_takes_every_independent_direction() -> None:
    assert fit(feature_like(300, 40), explained_variance=1.0).components.shape == (40, 38)


def test_as_many_components_as_rows_less_one_are_possible_and_no_more() -> None:
    vectors = feature_like(12, 40)
    assert fit(vectors, 11).components.shape == (40, 11)
    with pytest.raises(
        TooManyComponentsError, match="12 components asked of features with 12 rows and 40 columns"
    ) as caught:
        fit(vectors, 12)
    assert "--pca-components 11 or fewer" in str(caught.value)


def test_rounding_in_the_gram_of_few_rows_adds_no_component() -> None:
    three_rows_in_four_directions = Gram(3, np.zeros(4), np.eye(4))
    with pytest.raises(TooManyComponentsError, match="--pca-components 2 or fewer"):
        fit_pca(three_rows_in_four_directions, 3)


def test_columns_that_are_copies_allow_no_more_components() -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
    doubled = np.hstack([vectors, vectors * 2])
    with pytest.raises(TooManyComponentsError, match="--pca-components 6 or fewer"):
        fit(doubled, 7)


def test_images_that_are_all_alike_have_no_components() -> None:
    with pytest.raises(NoVarianceError, match="5 rows and 3 columns"):
        fit_pca(gram_of(np.full((5, 3), 0.1, np.float32)), 1)


def test_a_single_image_has_no_components() -> None:
    with pytest.raises(NoVarianceError):
        fit_pca(gram_of(np.array([[1.0, 2.0]], np.float32)), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_named(bad: float) -> None:
    vectors = feature_like(50, 10)
    vectors[20, 4] = bad
    with pytest.raises(NonFiniteFeaturesError, match="1 of the features' 10 columns"):
        fit(vectors, 2)
