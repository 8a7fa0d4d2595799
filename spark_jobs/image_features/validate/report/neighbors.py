"""The photographs that the report shows: one of each label, and some with their nearest neighbors."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from image_features.errors import Unavailable
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Sample

MOST_LABELS = 24
QUERIES = 6
NEIGHBORS = 6


def one_of_each_label(sample: Sample) -> list[int]:
    """Return the first image of each label, in the order of labels; of many labels, some that are evenly spread."""
    first = {sample.labels[place]: place for place in _first_of_each_label(range(len(sample.labels)), sample)}
    named = sorted(label for label in first if label is not None)
    if len(named) > MOST_LABELS:
        named = [named[place] for place in np.linspace(0, len(named) - 1, MOST_LABELS).astype(int)]
    return [first[label] for label in named]


def neighborhoods(sample: Sample, probe: Probe | Unavailable) -> list[tuple[int, list[int]]]:
    """Return images, each with those nearest to it, as places in the sample, the nearest first.

    Nearest neighbors get half of them wrong and half right, of different labels if possible.
    """
    if len(sample.vectors) <= NEIGHBORS:
        return []
    everywhere = np.arange(len(sample.vectors))
    # The neighbors that the probe had, which explain what it got wrong.
    of_probe = isinstance(probe, Probe) and probe.protocol == "split"
    candidates = np.flatnonzero(sample.splits == "Training") if of_probe else everywhere
    queries = _queries(sample, probe)
    return [(query, nearest_to(sample.vectors, query, candidates)) for query in queries]


def nearest_to(vectors: NDArray[np.floating], query: int, candidates: NDArray[np.intp]) -> list[int]:
    """Return those of the rows `candidates` that are nearest to row `query`, without itself."""
    others = candidates[candidates != query]
    distances = np.linalg.norm(vectors[others] - vectors[query], axis=1)
    return [int(place) for place in others[np.argsort(distances, kind="stable")[:NEIGHBORS]]]


def _queries(sample: Sample, probe: Probe | Unavailable) -> list[int]:
    if isinstance(probe, Unavailable):
        return one_of_each_label(sample)[:QUERIES]
    wrong = _first_of_each_label(probe.scored[probe.knn != probe.truth], sample)
    right = _first_of_each_label(probe.scored[probe.knn == probe.truth], sample)
    chosen = wrong[: QUERIES // 2]
    seen = {sample.labels[place] for place in chosen}
    fresh = [place for place in right if sample.labels[place] not in seen]
    return chosen + (fresh + [place for place in right if place not in fresh])[: QUERIES - len(chosen)]


def _first_of_each_label(places: Iterable[int], sample: Sample) -> list[int]:
    found: dict[object, int] = {}
    for place in places:
        found.setdefault(sample.labels[place], int(place))
    return list(found.values())
