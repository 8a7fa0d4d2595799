"""The models of two snapshots: the principal angles between what each of them keeps of a vector."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import subspace_angles

from tools.diff.bucket import Bucket


@dataclass(frozen=True)
class Unknown:
    """Reason why something could not be compared."""

    why: str


def angles_between(bucket: Bucket, before_uri: str, after_uri: str) -> list[float] | Unknown:
    """Return the principal angles in degrees, the largest first; there are as many as the smaller model has components.

    A model subtracts a mean, divides by a deviation and projects on its components. What it keeps of a vector is the
    span of its components, each divided by the deviations; the angles are those between the two spans (Björck and
    Golub, 1973). 0 means that both keep the same, 90 that a direction of one is lost in the other.
    """
    before, after = _span(bucket, before_uri), _span(bucket, after_uri)
    if isinstance(before, Unknown):
        return before
    if isinstance(after, Unknown):
        return after
    if before.shape[0] != after.shape[0]:
        return Unknown(f"one model is for vectors of {before.shape[0]} numbers, the other of {after.shape[0]}")
    angles: list[float] = np.degrees(subspace_angles(before, after)).tolist()
    return angles


def _span(bucket: Bucket, model_uri: str) -> NDArray[np.float64] | Unknown:
    """Return the columns that span what a model keeps; of its folder, as Spark ML saves it."""
    stages = [bucket.rows(f"{folder}/data") for folder in bucket.folders(f"{model_uri}/stages")]
    rows = [stage.to_pylist()[0] for stage in stages if stage is not None]
    if len(rows) != 2 or "std" not in rows[0] or "pc" not in rows[1]:
        return Unknown(f"{model_uri} is not there, or is not a scaler followed by a PCA")
    scaler, pca = rows
    std, components = np.asarray(scaler["std"]["values"]), pca["pc"]
    shape = components["numRows"], components["numCols"]
    matrix = np.asarray(components["values"]).reshape(shape, order="C" if components["isTransposed"] else "F")
    # Spark scales a column that never varies to 0.
    return matrix * np.divide(1, std, out=np.zeros_like(std), where=std > 0)[:, None]
