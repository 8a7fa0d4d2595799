"""The Gram matrices that workers make of parts of a dataset, combined in a tree."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark import RDD

from image_features.errors import ImageFeaturesError
from image_features.reduce.gram import Gram, merge_all

# Partial Grams merged by one task; each is 8 * d * d bytes (32 MB at 2,048 columns), so this bounds the memory of a
# Python worker.
FAN_IN = 8


class NoVectorsError(ImageFeaturesError):
    """There is no row to fit anything on."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"no rows with a column {column!r}: every image was rejected or none was found; read the rejects' reasons"
        )


def combined(partials: RDD[tuple[int, Gram]], partitions: int, column: str) -> Gram:
    """Return the one Gram of all (partition, Gram) pairs. Raises NoVectorsError if there is none."""
    merged = combine_in_order(partials, partitions).collect()
    if not merged:
        raise NoVectorsError(column)
    return merged[0][1]


def combine_in_order(partials: RDD[tuple[int, Gram]], partitions: int) -> RDD[tuple[int, Gram]]:
    """Merge (partition, Gram) pairs, FAN_IN neighbours at a time, on the executors, until one is left.

    Neighbours are merged in the order of their partitions. RDD.treeReduce merges in the order in which blocks arrive,
    so that two runs over the same rows differ in their last digits.
    """
    while partitions > 1:
        partitions = -(-partitions // FAN_IN)
        grouped = partials.map(lambda pair: (pair[0] // FAN_IN, pair)).groupByKey(partitions, lambda group: group)
        partials = grouped.flatMapValues(_merged_in_order)
    return partials


def _merged_in_order(partials: Iterable[tuple[int, Gram]]) -> list[Gram]:
    merged = merge_all(gram for _, gram in sorted(partials, key=lambda pair: pair[0]))
    return [] if merged is None else [merged]
