"""The nearest images of each one of the sample, by their PCA features, on the workers."""

import numpy as np
from numpy.typing import NDArray
from pyspark import SparkContext
from threadpoolctl import threadpool_limits

from image_features.spark_tasks import one_task_each

NEAREST = 12
_ROWS_AT_ONCE = 256
_NONE = np.empty((0, 0), np.uint16)


def find_nearest(context: SparkContext, vectors: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return for each row the places of the NEAREST other rows by Euclidean distance, the nearest first.

    There are none of vectors that are not all finite, or whose squares are not.
    """
    if not len(vectors) or not np.isfinite(np.einsum("ij,ij->i", vectors, vectors)).all():
        return _NONE
    shared = context.broadcast(vectors)

    def search(block: tuple[int, int]) -> NDArray[np.uint16]:
        with threadpool_limits(limits=1):
            return nearest_of(shared.value, *block)

    share = -(-len(vectors) // (2 * context.defaultParallelism))
    blocks = [(start, min(start + share, len(vectors))) for start in range(0, len(vectors), share)]
    found = np.concatenate(one_task_each(context, blocks, search).collect())
    shared.destroy()
    return found


def nearest_of(vectors: NDArray[np.float32], start: int, stop: int) -> NDArray[np.uint16]:
    """Return the places of the nearest rows of the rows from `start` to `stop`; raises ValueError above 65,536 rows.

    >>> nearest_of(np.array([[0.0], [1.0], [5.0]], np.float32), 1, 3)
    array([[0, 2],
           [1, 0]], dtype=uint16)
    """
    if len(vectors) > 2**16:
        raise ValueError(f"{len(vectors):,} rows are more than the 65,536 that 16 bits number")
    count = min(NEAREST, len(vectors) - 1)
    if not count:
        return np.empty((stop - start, 0), np.uint16)
    # Distances do not change, and rounding is less.
    moved = vectors - vectors.mean(axis=0)
    half_squares = np.einsum("ij,ij->i", moved, moved) / 2
    blocks = [np.arange(first, min(first + _ROWS_AT_ONCE, stop)) for first in range(start, stop, _ROWS_AT_ONCE)]
    return np.concatenate([_nearest(moved, half_squares, rows, count) for rows in blocks])


def _nearest(
    moved: NDArray[np.float32], half_squares: NDArray[np.float32], rows: NDArray[np.intp], count: int
) -> NDArray[np.uint16]:
    # Of one row it orders the others as their distances do.
    far = half_squares - moved[rows] @ moved.T
    far[np.arange(len(rows)), rows] = np.inf
    # The nearest are not farther than the nearest of some. To sort what is left takes a third of the time that it would
    # take to find them among all.
    some = far[:, :: max(1, min(8, len(moved) // count))]
    limit = np.partition(some, count - 1, axis=1)[:, count - 1]
    # As np.nonzero, which takes several times as long where little is true.
    row, place = np.divmod(np.flatnonzero(far <= limit[:, None]), far.shape[1])
    order = np.lexsort((far[row, place], row))
    firsts = np.searchsorted(row, np.arange(len(rows)))
    nearest: NDArray[np.uint16] = place[order][firsts[:, None] + np.arange(count)].astype(np.uint16)
    return nearest
