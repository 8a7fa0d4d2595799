"""Pure: vectors as Arrow's list columns and as numpy matrices, without a Python list in between."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from image_features.errors import RaggedVectorsError


def widths_of(column: pa.ListArray) -> NDArray[np.int32]:
    """Return the number of entries of each row, -1 for a null row.

    >>> widths_of(pa.array([[1.0, 2.0], None, []]))
    array([ 2, -1,  0], dtype=int32)
    """
    widths: NDArray[np.int32] = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    return widths


def to_matrix(column: pa.ListArray) -> NDArray[np.float32]:
    """Return a list column as a matrix (rows, width), not copied if no entry is null; a null entry becomes NaN.

    Raises RaggedVectorsError if a row is null or the widths differ.
    """
    widths = np.unique(widths_of(column))
    if len(widths) > 1 or -1 in widths:
        raise RaggedVectorsError([None if width < 0 else int(width) for width in widths])
    width = int(widths[0]) if len(widths) else 0
    entries: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False)
    return entries.reshape(len(column), width)


def to_list_column(matrix: NDArray[np.float32]) -> pa.ListArray:
    """Return a matrix (rows, width) as a list column of float32."""
    rows, width = matrix.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32) if width else np.zeros(rows + 1, np.int32)
    entries = np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(entries))
