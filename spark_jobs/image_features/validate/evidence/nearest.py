"""The nearest photographs of each one, by their PCA features, on the workers."""

import numpy as np
from numpy.typing import NDArray
from pyspark import SparkContext
from threadpoolctl import threadpool_limits

from image_features.spark_tasks import one_task_each

NEAREST = 12
_ROWS_AT_ONCE = 512


def find_nearest(context: SparkContext, vectors: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return for each row the places of the NEAREST other rows by Euclidean distance, the nearest first."""
    shared = context.broadcast(vectors)

    def search(block: tuple[int, int]) -> NDArray[np.uint16]:
        with threadpool_limits(limits=1):
            return nearest_of(shared.value, *block)

    share = -(-len(vectors) // (4 * context.defaultParallelism)) or 1
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
    # Distances do not change, and rounding is less.
    moved = vectors - vectors.mean(axis=0)
    half_squares = np.einsum("ij,ij->i", moved, moved) / 2
    found = np.empty((stop - start, count), np.uint16)
    for first in range(start, stop, _ROWS_AT_ONCE):
        rows = np.arange(first, min(first + _ROWS_AT_ONCE, stop))
        # Of one row it orders the others as their distances do.
        far = half_squares - moved[rows] @ moved.T
        far[np.arange(len(rows)), rows] = np.inf
        some = np.argpartition(far, count - 1, axis=1)[:, :count] if count else np.empty((len(rows), 0), np.intp)
        order = np.argsort(np.take_along_axis(far, some, axis=1), axis=1, kind="stable")
        found[rows - start] = np.take_along_axis(some, order, axis=1)
    return found
