"""Pure: vectors between Arrow's list columns and numpy matrices, without a Python list on the way."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from image_features.reduce.gram import RaggedVectorsError


def widths_of(column: pa.ListArray) -> NDArray[np.int32]:
    """Each row's number of entries, -1 for a null row."""
    return pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)


def to_matrix(column: pa.ListArray) -> NDArray[np.float32]:
    """A list column as (rows, width), without a copy where there are no null entries; a null entry becomes NaN.

    Raises RaggedVectorsError if a row is null or the widths differ.
    """
    widths = np.unique(widths_of(column))
    if len(widths) > 1 or -1 in widths:
        raise RaggedVectorsError([None if width < 0 else int(width) for width in widths])
    width = int(widths[0]) if len(widths) else 0
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), width)


def to_list_column(matrix: NDArray[np.float32]) -> pa.ListArray:
    """(rows, width) as a list column of float32."""
    rows, width = matrix.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32) if width else np.zeros(rows + 1, np.int32)
    entries = np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(entries))
