"""The error of computed vectors against stored ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INF = float("inf")


def worst_relative_error(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Return the largest difference of (stored, computed) pairs, relative to the stored row's largest entry.

    It is infinite if there is no pair or if the widths of one differ, and NaN if there is one among the entries.

    >>> worst_relative_error([([2.0, -4.0], [2.0, -4.5])])
    0.125
    """
    errors = [_relative_error(stored, computed) for stored, computed in pairs]
    # numpy's maximum, because Python's may pass over a NaN.
    return float(np.max(errors)) if errors else INF


def _relative_error(stored: Sequence[float], computed: Sequence[float]) -> float:
    if len(stored) != len(computed):
        return INF
    expected = np.asarray(stored, np.float64)
    scale = max(float(np.max(np.abs(expected))), float(np.finfo(np.float32).tiny))
    return float(np.max(np.abs(expected - computed))) / scale
