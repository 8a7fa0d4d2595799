"""Places of photographs on a plane, from their PCA features. Pure."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

# Places are whole numbers from 0 to this: finer than what a screen shows when it is zoomed in a hundred times.
FINEST = 99_999
SHRINKAGE = 0.1
LEAST_OF_A_LABEL = 2


@dataclass(frozen=True)
class Map:
    """A map: its name, what it shows, and the places (n, 2) as whole numbers from 0 to FINEST, y upward."""

    name: str
    about: str
    places: NDArray[np.int64]


def draw_maps(vectors: NDArray[np.floating], labels: NDArray[np.object_]) -> list[Map]:
    """Return a map by the first two components, and one by linear discriminants if three labels or more have images."""
    wide = np.zeros((len(vectors), 2))
    wide[:, : vectors.shape[1]] = vectors[:, :2]
    maps = [
        Map("Components", "the first two principal components: what differs most between photographs", _placed(wide))
    ]
    counts = Counter(label for label in labels if label is not None)
    named = {label: number for number, label in enumerate(counts) if counts[label] >= LEAST_OF_A_LABEL}
    if len(named) > 2 and vectors.shape[1] > 1:
        rows = np.flatnonzero([label in named for label in labels])
        numbers = [named[labels[row]] for row in rows]
        discriminants = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE, n_components=2)
        try:
            seen = discriminants.fit(vectors[rows], numbers).transform(vectors)
        except np.linalg.LinAlgError:
            # The photographs of each label are copies of one: nothing differs within labels.
            return maps
        maps.append(Map("Labels", "two linear discriminants: what differs most between labels", _placed(seen)))
    return maps


def _placed(plane: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return places at one scale for both axes; one in ten thousand at each side may be moved in from outside."""
    low, high = np.quantile(plane, (1e-4, 1 - 1e-4), axis=0)
    middle, width = (low + high) / 2, float((high - low).max()) * 1.04 or 1.0
    shares = np.clip((plane - middle) / width + 0.5, 0, 1)
    return np.asarray(np.rint(shares * FINEST), np.int64)
