"""The search on the workers: every image is compared with every later one, stripe by stripe, and no pair is missed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import SparkContext
from threadpoolctl import threadpool_limits

from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, data_files, read_part, read_table
from image_features.storage.vector_columns import to_matrix
from image_features.validate.duplicates.forest import spanning_forest
from image_features.validate.duplicates.likeness import (
    NO_PAIRS,
    Block,
    Matrix,
    Pairs,
    block_of,
    joined,
    near_pairs,
    sketch_directions,
    taken,
    unit_roots,
)

_IMAGES = pa.schema([(name, pa.string()) for name in ("image_id", "uri", "label", "split")])
# Of a stripe: the rows that a task holds at once, 168 MB of vectors of 1,280 entries.
MOST_STRIPE_ROWS = 32_768
# Each stripe reads all later rows again: with stripes of 1,024 rows, reading took as long as comparing.
FEWEST_STRIPE_ROWS = 4_096
STRIPES_PER_CORE = 4
SKETCHED_ROWS = 2_000
# More pairs than that are made a forest before more are added.
MOST_PAIRS = 1_000_000


@dataclass(frozen=True)
class File:
    """A file of features, and the number of its first row and of the one after its last."""

    uri: str
    start: int
    stop: int


@dataclass(frozen=True)
class Found:
    """What is known of all pairs: their number, their spanning forest, and where they cross from Training.

    `crossing` has, for each image of another split that has a near-duplicate in Training, the most alike one.
    """

    pairs: int
    forest: Pairs
    crossing: Pairs


def read_images(context: SparkContext, features_uri: str) -> tuple[list[File], pa.Table]:
    """Return the files of features, and the images in the order of files and rows: about 200 bytes an image."""
    uris = [file.uri for file in data_files(features_uri)]
    tables = one_task_each(context, uris, lambda uri: read_table([uri], _IMAGES)).collect()
    stops = np.cumsum([table.num_rows for table in tables])
    files = [
        File(uri, int(stop) - table.num_rows, int(stop)) for uri, table, stop in zip(uris, tables, stops, strict=True)
    ]
    return files, pa.concat_tables([_IMAGES.empty_table(), *tables]).combine_chunks()


def find_pairs(context: SparkContext, files: Sequence[File], splits: NDArray[np.object_], least: float) -> Found:
    """Find all pairs whose likeness is at least `least`, one task for each stripe of rows; `splits` are the rows'."""
    some = [matrix for _, matrix in _matrices(files, 0, min(len(splits), SKETCHED_ROWS))]
    is_training = splits == "Training"
    is_elsewhere = ~is_training & np.array([split is not None for split in splits])
    shared = context.broadcast((sketch_directions(unit_roots(np.concatenate(some))), is_training, is_elsewhere))

    def compare(stripe: tuple[int, int]) -> Found:
        directions, is_training, is_elsewhere = shared.value
        with threadpool_limits(limits=1):
            left = _one_block(list(_blocks(files, *stripe, directions)))
            found = NOTHING
            for right in chain([left], _blocks(files, stripe[1], len(is_training), directions)):
                for pairs in near_pairs(left, right, least):
                    found = merged(found, Found(len(pairs), pairs, _crossing(pairs, is_training, is_elsewhere)))
            return _bounded(found, 0)

    compared = one_task_each(context, stripes(len(splits), context.defaultParallelism), compare)
    found = _bounded(reduce(merged, compared.collect(), NOTHING), 0)
    shared.destroy()
    return found


def stripes(rows: int, cores: int) -> list[tuple[int, int]]:
    """Return the first row of each stripe and the one after its last; those that have most to compare come first.

    >>> stripes(10_000, 1)
    [(0, 4096), (4096, 8192), (8192, 10000)]
    """
    size = min(max(rows // (cores * STRIPES_PER_CORE), FEWEST_STRIPE_ROWS), MOST_STRIPE_ROWS)
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


NOTHING = Found(0, NO_PAIRS, NO_PAIRS)


def merged(one: Found, other: Found) -> Found:
    """Return what is known of the pairs of both."""
    forest, crossing = joined([one.forest, other.forest]), joined([one.crossing, other.crossing])
    return _bounded(Found(one.pairs + other.pairs, forest, crossing), MOST_PAIRS)


def _bounded(found: Found, most: int) -> Found:
    forest = found.forest if len(found.forest) <= most else spanning_forest(found.forest)
    crossing = found.crossing if len(found.crossing) <= most else most_alike_of_each(found.crossing)
    return Found(found.pairs, forest, crossing)


def most_alike_of_each(pairs: Pairs) -> Pairs:
    """Return, for each `first`, the pair of the greatest likeness; of equal ones, that of the smallest `second`."""
    order = np.lexsort((pairs.second, -pairs.likeness, pairs.first))
    _, places = np.unique(pairs.first[order], return_index=True)
    return taken(pairs, order[places])


def _crossing(pairs: Pairs, is_training: NDArray[np.bool_], is_elsewhere: NDArray[np.bool_]) -> Pairs:
    forth = is_elsewhere[pairs.first] & is_training[pairs.second]
    back = is_training[pairs.first] & is_elsewhere[pairs.second]
    turned = Pairs(pairs.second, pairs.first, pairs.likeness)
    return joined([taken(pairs, forth), taken(turned, back)])


def _matrices(files: Sequence[File], start: int, stop: int) -> Iterator[tuple[int, Matrix]]:
    """Yield the rows from `start` to `stop`, in matrices, each with the number of its first row."""
    for file in files:
        if file.stop <= start or file.start >= stop:
            continue
        row = file.start
        for batch in read_part(file.uri, ["features"], ROWS_PER_ARROW_BATCH):
            first, last = max(start - row, 0), min(stop - row, batch.num_rows)
            if first < last:
                yield row + first, to_matrix(batch.column(0))[first:last]
            row += batch.num_rows


def _blocks(files: Sequence[File], start: int, stop: int, directions: Matrix) -> Iterator[Block]:
    return (block_of(row, matrix, directions) for row, matrix in _matrices(files, start, stop))


def _one_block(blocks: Sequence[Block]) -> Block:
    rows, sketches = ([getattr(block, name) for block in blocks] for name in ("rows", "sketches"))
    return Block(blocks[0].start, np.concatenate(rows), np.concatenate(sketches))
