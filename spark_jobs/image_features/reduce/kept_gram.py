"""Pure: the Gram matrix that a run keeps for the next one, brought up to date without its rows, and its rounding error.

Every sum rounds. `error` bounds what that may have cost the diagonal of the scatter, by a running error analysis
(Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.3): a sum of n terms of one sign is
off by n unit roundoffs of itself at most, and what an error of the means does to the distance between them comes on
top. A column that varied only in rows that were removed is what this is for: its scatter should be 0 and is a little
more or less, of which scaling would make a direction as strong as any other. `is_sound` is false then, and the rows
have to be read again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from image_features.errors import ImageFeaturesError
from image_features.reduce.gram import BLOCK_ROWS, Gram, merge, without

# Of a column's scatter: what rounding may have cost it. A pass over all rows costs 5e-13 at most, so that a column may
# lose all but 1/2000 of its scatter before the rows are read again.
MOST_ERROR = 1e-9
# Roundings of a merge, at most: means are themselves merged of many, and products, differences and sums round too.
SLACK = 16
_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2


class GramUnreadableError(ImageFeaturesError):
    """An object is not a Gram matrix as this project keeps it."""

    def __init__(self, uri: str, detail: str) -> None:
        self.uri, self.detail = uri, detail
        super().__init__(f"{uri}: no Gram matrix can be read there ({detail}); delete it and run reduce_features again")


@dataclass(frozen=True)
class KeptGram:
    """The Gram of the vectors at `features_uri`, which are of `identity`.

    `updates` lie between it and the last pass over all rows; `error` (d,) bounds the rounding error of the diagonal of
    the scatter.
    """

    gram: Gram
    error: NDArray[np.float64]
    updates: int
    identity: Mapping[str, Any] | None
    features_uri: str

    @property
    def is_sound(self) -> bool:
        """Whether every column's scatter is known to MOST_ERROR. A column that never varied has neither."""
        return bool(np.all(self.error <= MOST_ERROR * np.diagonal(self.gram.scatter)))


def of_full_pass(gram: Gram, identity: Mapping[str, Any] | None, features_uri: str) -> KeptGram:
    """What one pass over all rows found; nothing is known of it but that it rounds."""
    return KeptGram(gram, _of_sums(gram), 0, identity, features_uri)


def updated(kept: KeptGram, added: Gram | None, removed: Gram | None, features_uri: str) -> KeptGram:
    """The Gram of the rows of `kept`, with those of `added` and without those of `removed`.

    Nothing added and nothing removed is no update. Raises ValueError unless a row is left.
    """
    gram, error = kept.gram, kept.error
    # NaN and Inf among the vectors end as NaN here, which is not sound; the full pass that follows names them.
    with np.errstate(invalid="ignore"):
        if added is not None:
            weight = gram.rows * added.rows / (gram.rows + added.rows)
            error = error + _rounding(gram, added, added.mean - gram.mean, weight)
            # A copy, because merging writes into the matrix that it begins with.
            gram = merge(Gram(gram.rows, gram.mean, gram.scatter.copy()), added)
        if removed is not None:
            rest = without(gram, removed)
            weight = rest.rows * removed.rows / gram.rows
            error = error + _rounding(gram, removed, removed.mean - rest.mean, weight)
            gram = rest
    updates = kept.updates + (added is not None or removed is not None)
    return KeptGram(gram, error, updates, kept.identity, features_uri)


def _rounding(whole: Gram, part: Gram, between: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """What merging `part` into `whole`, or taking it out, may cost each entry of the scatter's diagonal.

    `between` and `weight` are of the term that stands for the distance of the means: weight * between**2.
    """
    terms = np.abs(np.diagonal(whole.scatter)) + np.abs(np.diagonal(part.scatter)) + weight * between**2
    # An error of the means, in proportion to them, moves the square of their difference by twice that.
    of_means = 2 * weight * np.abs(between) * (np.abs(whole.mean) + np.abs(part.mean))
    return _of_sums(part) + SLACK * _UNIT_ROUNDOFF * (terms + of_means)


def _of_sums(gram: Gram) -> NDArray[np.float64]:
    """What summing the squares of one pass may have cost: those of a block one by one, then the blocks'."""
    sums = min(gram.rows, BLOCK_ROWS) + gram.rows / BLOCK_ROWS + SLACK
    return sums * _UNIT_ROUNDOFF * np.abs(np.diagonal(gram.scatter))


def to_npz(kept: KeptGram) -> bytes:
    """As numpy's .npz, float64 to the last bit; the same Gram gives the same bytes."""
    file = io.BytesIO()
    np.savez(
        file,
        rows=np.int64(kept.gram.rows),
        mean=kept.gram.mean,
        scatter=kept.gram.scatter,
        error=kept.error,
        updates=np.int64(kept.updates),
        identity=np.array(json.dumps(kept.identity, sort_keys=True)),
        features_uri=np.array(kept.features_uri),
    )
    return file.getvalue()


def from_npz(content: bytes, uri: str) -> KeptGram:
    """Reads what `to_npz` wrote; `uri` is where it lay. Raises GramUnreadableError."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            gram = Gram(int(arrays["rows"]), arrays["mean"], arrays["scatter"])
            identity = json.loads(str(arrays["identity"]))
            kept = KeptGram(gram, arrays["error"], int(arrays["updates"]), identity, str(arrays["features_uri"]))
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise GramUnreadableError(uri, f"{type(error).__name__}: {error}") from error
    shapes = (gram.mean.shape, kept.error.shape, gram.scatter.shape)
    if shapes != ((gram.width,), (gram.width,), (gram.width, gram.width)):
        raise GramUnreadableError(uri, f"shapes {shapes} do not fit each other")
    return kept
