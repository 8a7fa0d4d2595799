"""How well a model fits rows that it was not fitted on, measured from their Gram matrix alone."""

from __future__ import annotations

import dataclasses

import numpy as np

from image_features.reduce.gram import Gram
from image_features.reduce.pca import NoVarianceError, PcaModel, finite_variances, scaled_covariance


def on_rows(model: PcaModel, gram: Gram) -> PcaModel:
    """Return the same scaling and components with the variance that they explain of the rows of `gram`.

    With C (d, d) the rows' covariance, each column divided by the model's deviation, and w_i the components:
    `explained_variance_ratio[i]` = w_i' C w_i / trace C, which need not be in falling order, and `spectrum` the
    eigenvalues of C / trace C, which no other components could exceed. Variances are about the rows' own means. A
    column that did not vary when the model was fitted does not count, because the model scales it to 0.

    Raises NonFiniteFeaturesError, or NoVarianceError if the rows do not vary.
    """
    finite_variances(gram)
    covariance = scaled_covariance(gram, model.std)
    total = float(np.trace(covariance))
    if total <= 0:
        raise NoVarianceError(gram.rows, gram.width)
    kept = np.einsum("ij,ij->j", model.components, covariance @ model.components)
    spectrum = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
    return dataclasses.replace(
        model, rows=gram.rows, explained_variance_ratio=kept / total, spectrum=spectrum / spectrum.sum()
    )


def drift_of(standing: PcaModel) -> float:
    """Return 1 - (variance that a model's components keep / variance that as many of a refit would keep), 0 to 1.

    `standing` is the model that `on_rows` returned. Both variances are in the model's own scaling, so the best that k
    components could keep is the sum of the k largest eigenvalues (Ky Fan), and 0 means that a refit gains nothing.
    """
    possible = float(standing.spectrum[: standing.components.shape[1]].sum())
    return max(0.0, 1.0 - float(standing.explained_variance_ratio.sum()) / possible)
