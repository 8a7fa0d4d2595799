"""The likeness of two vectors, and all pairs of rows of two blocks that are at least so alike. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SKETCH_COLUMNS = 128
# The rows of two blocks that are compared at once: their products fit into a core's own cache, and the files are in the
# order of labels, so that most tiles hold no pair at all.
TILE_ROWS, TILE_COLUMNS = 512, 512
# A product of few columns may lie so far from that of all of them, by rounding alone.
ROUNDING = 1e-5
# Above this share of candidates, one product of the whole tile is faster than a product for each candidate.
FEW_CANDIDATES = 0.01

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows by their numbers, with their likeness."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    likeness: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def taken(pairs: Pairs, places: NDArray[np.integer] | NDArray[np.bool_]) -> Pairs:
    """Return the pairs at these places."""
    return Pairs(pairs.first[places], pairs.second[places], pairs.likeness[places])


NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def joined(pairs: Iterable[Pairs]) -> Pairs:
    """Return all the pairs as one."""
    parts = list(pairs)
    if not parts:
        return NO_PAIRS
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "second", "likeness")))


@dataclass(frozen=True)
class Block:
    """Consecutive rows from number `start` on, as `unit_roots` (n, d) and as their sketches (n, k + 1)."""

    start: int
    rows: Matrix
    sketches: Matrix

    def tile(self, begin: int, rows: int) -> "Block":
        """Return the rows from place `begin` on, at most so many."""
        part = slice(begin, begin + rows)
        return Block(self.start + begin, self.rows[part], self.sketches[part])


def unit_roots(vectors: NDArray[np.floating]) -> Matrix:
    """Return the square roots of the entries, with their signs, scaled to rows of length 1; a row of zeros stays.

    The product of two rows is the likeness of two vectors, from 0 to 1 where no entry is negative: the Bhattacharyya
    coefficient of the vectors, taken as shares. A plain cosine is led by the few largest entries, which another
    photograph of the same fruit shares; with the roots, the many small entries count.

    >>> roots = unit_roots(np.array([[4.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    >>> (roots @ roots.T).round(2)
    array([[1.  , 0.71, 0.  ],
           [0.71, 1.  , 0.  ],
           [0.  , 0.  , 0.  ]], dtype=float32)
    """
    roots = np.sign(vectors) * np.sqrt(np.abs(vectors))
    # The squares of the roots are the entries.
    lengths = np.sqrt(np.abs(vectors).sum(axis=1, dtype=np.float64, keepdims=True))
    scaled: Matrix = (roots / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def sketch_directions(rows: Matrix) -> Matrix:
    """Return the orthonormal directions (d, k) that hold most of the rows' length."""
    wide = rows.astype(np.float64)
    _, vectors = np.linalg.eigh(wide.T @ wide)
    return np.ascontiguousarray(vectors[:, ::-1][:, : SKETCH_COLUMNS - 1], dtype=np.float32)


def block_of(start: int, vectors: NDArray[np.floating], directions: Matrix) -> Block:
    """Return a block of vectors (n, d).

    A sketch is the row in the `directions`, and the length of what they leave of it. By Cauchy and Schwarz the product
    of two sketches is never less than that of the rows, so sketches rule pairs out without an error.
    """
    rows = unit_roots(vectors)
    sketches = rows @ directions
    left = np.sum(rows**2, axis=1) - np.sum(sketches**2, axis=1)
    return Block(start, rows, np.column_stack([sketches, np.sqrt(np.maximum(left, 0))]))


def near_pairs(left: Block, right: Block, least: float) -> Iterator[Pairs]:
    """Yield all pairs of a row of `left` and a later row of `right` whose likeness is at least `least`.

    Those of TILE_ROWS rows of `left` come together, so memory does not grow with the number of pairs.
    """
    # The likeness of a vector and itself is 1 but for rounding.
    least = min(least, 1 - ROUNDING)
    for begin in range(0, len(left.rows), TILE_ROWS):
        rows = left.tile(begin, TILE_ROWS)
        tiles = (right.tile(place, TILE_COLUMNS) for place in range(0, len(right.rows), TILE_COLUMNS))
        found = joined(_in_tile(rows, tile, least) for tile in tiles if tile.start + len(tile.rows) > rows.start)
        if len(found):
            yield found


def _in_tile(left: Block, right: Block, least: float) -> Pairs:
    is_candidate = left.sketches @ right.sketches.T >= least - ROUNDING
    if left.start + len(left.rows) > right.start:
        numbers = left.start + np.arange(len(left.rows)), right.start + np.arange(len(right.rows))
        is_candidate &= numbers[0][:, None] < numbers[1]
    count = int(np.count_nonzero(is_candidate))
    if count > FEW_CANDIDATES * is_candidate.size:
        products = left.rows @ right.rows.T
        is_candidate &= products >= least - ROUNDING
        rows, columns = _places(is_candidate)
        likeness = products[rows, columns]
    else:
        rows, columns = _places(is_candidate)
        likeness = np.einsum("ij,ij->i", left.rows[rows], right.rows[columns])
    is_near = likeness >= least
    # The order of additions must not decide.
    for place in np.flatnonzero(np.abs(likeness - least) <= ROUNDING):
        exact = left.rows[rows[place]].astype(np.float64) @ right.rows[columns[place]]
        is_near[place] = exact >= least
    return taken(Pairs(left.start + rows, right.start + columns, likeness), is_near)


def _places(is_true: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of what is true; np.nonzero takes several times as long where that is little."""
    rows, columns = np.divmod(np.flatnonzero(is_true), is_true.shape[1])
    return rows, columns
