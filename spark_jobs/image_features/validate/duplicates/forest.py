"""Pairs become groups: the spanning forest of the nearest pairs, and groups that no chain lets grow too large. Pure."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from image_features.validate.duplicates.likeness import Pairs, taken

# A group may hold so many images of any label, and more of them up to a half of its label: a chain of neighbors, each
# a little turned, would otherwise make one group of a whole label, which then no split could divide.
ALWAYS_ALLOWED = 20
LABEL_SHARE = 0.5
# So alike are the same pictures, saved twice. They are never kept apart.
SAME_PICTURE = 0.9995


def most_alike_first(pairs: Pairs) -> Pairs:
    """Return the pairs in an order that depends on nothing but themselves."""
    return taken(pairs, np.lexsort((pairs.second, pairs.first, -pairs.likeness)))


def spanning_forest(pairs: Pairs) -> Pairs:
    """Return the pairs that join whatever all pairs join, the most alike ones: fewer than there are rows.

    A forest of the pairs of several forests is that of all their pairs (the cycle property), so that forests of parts
    can be merged in any order and memory never grows with the number of pairs.
    """
    ordered = most_alike_first(pairs)
    rows, places = np.unique(np.concatenate([ordered.first, ordered.second]), return_inverse=True)
    # Ranks instead of likeness: no two are equal, so there is only one such forest. Zero would mean "no pair".
    ranks = np.arange(1, len(ordered) + 1, dtype=np.float64)
    graph = coo_matrix((ranks, (places[: len(ordered)], places[len(ordered) :])), shape=(len(rows), len(rows)))
    kept = np.sort(minimum_spanning_tree(graph.tocsr()).data.astype(np.int64)) - 1
    return taken(ordered, kept)


def groups_of(forest: Pairs, labels: NDArray[np.integer], given: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return a number for each row: that of the first row of its group.

    `labels` has a number for each row's label, and `given` one for each group that is given, or a negative one. The
    most alike are joined first. Two groups that would be too large together stay apart, unless they hold the same
    picture. What is given is one group, whatever its size.
    """
    most = np.maximum(ALWAYS_ALLOWED, LABEL_SHARE * np.bincount(labels, minlength=1)) if len(labels) else np.empty(0)
    parent, size = list(range(len(labels))), [1] * len(labels)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    firsts: dict[int, int] = {}
    for row in np.flatnonzero(given >= 0).tolist():
        first = firsts.setdefault(int(given[row]), row)
        parent[row] = first
        size[first] += row != first
    ordered = most_alike_first(forest)
    likeness = ordered.likeness.tolist()
    for first, second, alike in zip(ordered.first.tolist(), ordered.second.tolist(), likeness, strict=True):
        one, other = sorted((root(first), root(second)))
        together = size[one] + size[other]
        if one != other and (alike >= SAME_PICTURE or together <= max(most[labels[first]], most[labels[second]])):
            parent[other], size[one] = one, together
    return np.array([root(row) for row in range(len(labels))], dtype=np.int64)
