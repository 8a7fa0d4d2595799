"""Count, mean and centred Gram matrix of blocks of vectors, and their merge. They are all that PCA needs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_features.errors import RaggedVectorsError

# Rows that are converted to float64 at a time: 64 MB at 2,048 columns, and still large enough for the matrix product to
# run at full speed.
BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Gram:
    """The count, the `mean` (d,) and the `scatter` (d, d) of vectors with d columns, both float64.

    `scatter` is the sum of the outer products about the mean.
    """

    rows: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @property
    def width(self) -> int:
        return len(self.mean)

    def covariance(self) -> NDArray[np.float64]:
        """Return the covariance (d, d), divided by n - 1 as Spark ML does. A constant column's is exactly 0."""
        return self.scatter / max(self.rows - 1, 1)


def gram_of(block: NDArray[np.floating]) -> Gram:
    """Return the Gram of one block of shape (rows, d), rows >= 1.

    The block is shifted by its first row before anything is summed. So a large mean costs no digits, and a constant
    column is exactly 0 everywhere, where a mean computed by summing would leave it a variance of 1e-34 that scaling
    blows up to 1.

    >>> gram_of(np.array([[1.0, 5.0], [3.0, 5.0]]))
    Gram(rows=2, mean=array([2., 5.]), scatter=array([[2., 0.],
           [0., 0.]]))
    """
    origin = block[0].astype(np.float64)
    centred = block.astype(np.float64)
    centred -= origin
    shift = centred.mean(axis=0)
    centred -= shift
    return Gram(len(block), origin + shift, centred.T @ centred)


def merge(left: Gram, right: Gram) -> Gram:
    """Return the Gram of both blocks together (Chan, Golub and LeVeque 1979).

    The result is written into `left.scatter`. Raises RaggedVectorsError if their widths differ.
    """
    if left.width != right.width:
        raise RaggedVectorsError([left.width, right.width])
    rows = left.rows + right.rows
    between = right.mean - left.mean
    scatter = left.scatter
    scatter += right.scatter
    scatter += np.outer(between * (left.rows * right.rows / rows), between)
    return Gram(rows, left.mean + between * (right.rows / rows), scatter)


def merge_all(grams: Iterable[Gram]) -> Gram | None:
    """Return the Grams merged from left to right, None if there are none. Their order decides the last digits."""
    merged: Gram | None = None
    # NaN and Inf among the vectors end as NaN in the Gram, and fitting on it raises an error that says so.
    with np.errstate(invalid="ignore"):
        for gram in grams:
            merged = gram if merged is None else merge(merged, gram)
    return merged


def gram_of_batches(batches: Iterable[NDArray[np.floating]]) -> Gram | None:
    """Return one Gram of all batches, each of shape (any, d), in bounded memory; None if there are no rows."""
    starts = ((batch, start) for batch in batches for start in range(0, len(batch), BLOCK_ROWS))
    return merge_all(gram_of(batch[start : start + BLOCK_ROWS]) for batch, start in starts)
