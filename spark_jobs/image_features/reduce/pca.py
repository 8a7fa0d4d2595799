"""StandardScaler and PCA from a Gram matrix: the components, the projection of rows on them, and how well they fit."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from image_features.errors import ImageFeaturesError
from image_features.reduce.gram import Gram

FloatArray = NDArray[np.float64]


class TooManyComponentsError(ImageFeaturesError):
    """The features do not hold as many independent directions as components were asked for."""

    def __init__(self, asked: int, rows: int, columns: int, possible: int) -> None:
        self.asked, self.rows, self.columns, self.possible = asked, rows, columns, possible
        super().__init__(
            f"{asked} components asked of features with {rows} rows and {columns} columns, which vary in {possible} "
            f"independent directions only (rows - 1 at most); ask for --pca-components {possible} or fewer, or for "
            "--explained-variance, or bring more images"
        )


class NoVarianceError(ImageFeaturesError):
    """The features are all alike, so PCA has nothing to find."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        super().__init__(
            f"features with {rows} rows and {columns} columns do not vary at all; PCA needs at least two images that "
            "differ: look at the source's images and at the backbone's weights"
        )


class NonFiniteFeaturesError(ImageFeaturesError):
    """Features hold NaN or Inf, which would make every component NaN."""

    def __init__(self, columns: int, non_finite: int) -> None:
        self.columns, self.non_finite = columns, non_finite
        super().__init__(
            f"{non_finite} of the features' {columns} columns hold NaN, Inf or null; check that the weights fit the "
            "backbone and run featurize_images again"
        )


@dataclass(frozen=True)
class PcaModel:
    """A fitted StandardScaler and PCA, measured on `rows` rows.

    `mean` and `std` are (d,). `components` is (d, k), orthonormal, strongest first. `explained_variance_ratio` is (k,).
    `spectrum` holds the ratios of all d directions, which sum to 1. A column that never varies has std 0 and is scaled
    to 0, as Spark ML's StandardScalerModel does.
    """

    rows: int
    mean: FloatArray
    std: FloatArray
    components: FloatArray
    explained_variance_ratio: FloatArray
    spectrum: FloatArray

    @property
    def projection(self) -> FloatArray:
        """Scaling by 1/std and rotation in one matrix (d, k), for rows from which the mean was subtracted."""
        return inverse_or_zero(self.std)[:, None] * self.components


def fit_pca(gram: Gram, components: int | None = None, explained_variance: float | None = None) -> PcaModel:
    """Return the PCA of the standardized columns: the eigenvectors of their correlation matrix.

    `components` is their number. If `explained_variance` is given instead, they are the fewest that reach that share of
    the variance; if neither is given, all. Raises NonFiniteFeaturesError, NoVarianceError or TooManyComponentsError.
    """
    std = np.sqrt(np.diagonal(gram.covariance()))
    ascending, vectors = np.linalg.eigh(scaled_covariance(gram, std))
    eigenvalues = np.maximum(ascending[::-1], 0.0)
    # What is above rounding error, by the tolerance that numpy.linalg.matrix_rank uses.
    rank = np.count_nonzero(eigenvalues > eigenvalues[0] * len(eigenvalues) * np.finfo(np.float64).eps)
    possible = min(gram.rows - 1, int(rank))
    if possible < 1:
        raise NoVarianceError(gram.rows, gram.width)
    spectrum = eigenvalues / eigenvalues.sum()
    k = possible if components is None else components
    if explained_variance is not None:
        # Rounding may keep the sum of all just below a share of 1; then it is all of them.
        k = min(int(np.searchsorted(np.cumsum(spectrum[:possible]), explained_variance)) + 1, possible)
    if k > possible:
        raise TooManyComponentsError(k, gram.rows, gram.width, possible)
    chosen = with_fixed_signs(vectors[:, ::-1][:, :k])
    return PcaModel(gram.rows, gram.mean, std, chosen, spectrum[:k], spectrum)


def scaled_covariance(gram: Gram, std: FloatArray) -> FloatArray:
    """Return the covariance (d, d) of the rows, each column divided by `std`. Raises NonFiniteFeaturesError.

    That is the correlation matrix if `std` is the rows' own.
    """
    non_finite = int(np.count_nonzero(~np.isfinite(np.diagonal(gram.scatter))))
    if non_finite:
        raise NonFiniteFeaturesError(gram.width, non_finite)
    scale = inverse_or_zero(std)
    covariance: FloatArray = gram.covariance() * scale[:, None] * scale
    return covariance


def with_fixed_signs(components: FloatArray) -> FloatArray:
    """Return the columns, each negated if its entry of largest magnitude is negative.

    An eigenvector may have either sign, and this makes every run choose the same one.

    >>> with_fixed_signs(np.array([[-0.8, 0.6], [0.6, 0.8]]))
    array([[ 0.8,  0.6],
           [-0.6,  0.8]])
    """
    largest = np.abs(components).argmax(axis=0)
    signs = np.sign(components[largest, np.arange(components.shape[1])])
    return np.ascontiguousarray(components * signs)


def project(vectors: NDArray[np.floating], mean: FloatArray, projection: FloatArray) -> NDArray[np.float32]:
    """Return the projection (rows, k) of vectors (rows, d).

    The mean is subtracted in float64, because it may be many times a column's deviation.
    """
    centred: FloatArray = vectors - mean
    return (centred @ projection).astype(np.float32)


def inverse_or_zero(std: FloatArray) -> FloatArray:
    """Return 1 / std, and 0 where std is 0.

    >>> inverse_or_zero(np.array([4.0, 0.0]))
    array([0.25, 0.  ])
    """
    return np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)


def on_rows(model: PcaModel, gram: Gram) -> PcaModel:
    """Return the same scaling and components with the variance that they explain of the rows of `gram`.

    With C (d, d) the rows' covariance, each column divided by the model's deviation, and w_i the components:
    `explained_variance_ratio[i]` = w_i' C w_i / trace C, which need not be in falling order, and `spectrum` the
    eigenvalues of C / trace C, which no other components could exceed. Variances are about the rows' own means. A
    column that did not vary when the model was fitted does not count, because the model scales it to 0.

    Raises NonFiniteFeaturesError, or NoVarianceError if the rows do not vary.
    """
    covariance = scaled_covariance(gram, model.std)
    total = float(np.trace(covariance))
    if total <= 0:
        raise NoVarianceError(gram.rows, gram.width)
    kept = np.einsum("ij,ij->j", model.components, covariance @ model.components)
    spectrum = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
    return replace(model, rows=gram.rows, explained_variance_ratio=kept / total, spectrum=spectrum / spectrum.sum())


def drift_of(standing: PcaModel) -> float:
    """Return 1 - (variance that a model's components keep / variance that as many of a refit would keep), 0 to 1.

    `standing` is the model that `on_rows` returned. Both variances are in the model's own scaling, so the best that k
    components could keep is the sum of the k largest eigenvalues (Ky Fan), and 0 means that a refit gains nothing.
    """
    possible = float(standing.spectrum[: standing.components.shape[1]].sum())
    return max(0.0, 1.0 - float(standing.explained_variance_ratio.sum()) / possible)
