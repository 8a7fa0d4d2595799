"""Pure: count, mean and centred Gram matrix of blocks of vectors, their merge and its inverse: what PCA needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from image_features.errors import RaggedVectorsError

# Rows that are widened to float64 at a time: 64 MB at 2,048 columns, and still large enough for the matrix product to
# run at full speed.
BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Gram:
    """Facts about `rows` vectors of d columns: `mean` (d,), and `scatter` (d, d), the sum of outer products about it.

    scatter / (rows - 1) is the covariance. Both are float64.
    """

    rows: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @property
    def width(self) -> int:
        return self.mean.shape[0]

    def variances(self) -> NDArray[np.float64]:
        """Per column, divided by n - 1 as Spark ML does. A constant column's is exactly 0."""
        return np.diagonal(self.scatter) / max(self.rows - 1, 1)


def gram_of(block: NDArray[np.floating]) -> Gram:
    """The Gram of one block of shape (rows, d), rows >= 1.

    The block is shifted by its first row before anything is summed. So a large mean costs no digits, and a constant
    column is exactly 0 everywhere, where a mean computed by summing would leave it a variance of 1e-34 that scaling
    blows up to 1.
    """
    origin = block[0].astype(np.float64)
    centred = block.astype(np.float64)
    centred -= origin
    shift = centred.mean(axis=0)
    centred -= shift
    return Gram(len(block), origin + shift, centred.T @ centred)


def merge(left: Gram, right: Gram) -> Gram:
    """The Gram of both blocks together (Chan, Golub and LeVeque 1979). Reuses `left.scatter` for the result.

    Raises RaggedVectorsError if their widths differ.
    """
    if left.width != right.width:
        raise RaggedVectorsError([left.width, right.width])
    rows = left.rows + right.rows
    between = right.mean - left.mean
    scatter = left.scatter
    scatter += right.scatter
    scatter += np.outer(between * (left.rows * right.rows / rows), between)
    return Gram(rows, left.mean + between * (right.rows / rows), scatter)


def without(whole: Gram, part: Gram) -> Gram:
    """The Gram of the rows of `whole` that are not in `part`: `merge` read backwards. Changes neither.

    Differences of large numbers: where little is left of a column's scatter, rounding is what is left (kept_gram.py
    says how much). Raises RaggedVectorsError if their widths differ, ValueError unless a row is left.
    """
    if whole.width != part.width:
        raise RaggedVectorsError([whole.width, part.width])
    rows = whole.rows - part.rows
    if rows < 1:
        raise ValueError(f"{part.rows} rows taken from {whole.rows} leave none")
    mean = whole.mean + (whole.mean - part.mean) * (part.rows / rows)
    between = part.mean - mean
    scatter = whole.scatter - part.scatter
    scatter -= np.outer(between * (rows * part.rows / whole.rows), between)
    return Gram(rows, mean, scatter)


def merge_all(grams: Iterable[Gram]) -> Gram | None:
    """Merged from left to right, None if there are none. The order decides the last digits, so keep it fixed."""
    merged: Gram | None = None
    # NaN and Inf among the vectors end as NaN in the Gram, and whoever fits on it says so; a warning a block would not.
    with np.errstate(invalid="ignore"):
        for gram in grams:
            merged = gram if merged is None else merge(merged, gram)
    return merged


def gram_of_batches(batches: Iterable[NDArray[np.floating]]) -> Gram | None:
    """One Gram of all rows of all batches, each of shape (any, d), in bounded memory; None if there are no rows."""
    return merge_all(gram_of(block) for batch in batches for block in _blocks(batch))


def _blocks(batch: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    for start in range(0, len(batch), BLOCK_ROWS):
        yield batch[start : start + BLOCK_ROWS]
