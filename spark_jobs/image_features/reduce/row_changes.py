"""Spark: which rows are in one dataset of images and not in another, found by narrow columns, and only those rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql.functions import broadcast, col, count_if, lit
from pyspark.sql.functions import sum as sum_of

# Ids that are sent to every executor, about 100 bytes each. Of more, their rows are not worth looking for one by one.
MOST_IDS = 500_000


@dataclass(frozen=True)
class RowChanges:
    """How many rows were added and removed; `rows` holds their ids, with `side` above 0 if they were added."""

    rows: DataFrame
    added: int
    removed: int

    @property
    def are_few(self) -> bool:
        return max(self.added, self.removed) <= MOST_IDS


@contextmanager
def row_changes(now: DataFrame, then: DataFrame) -> Iterator[RowChanges]:
    """What lies between two datasets with image_id and etag; an image whose etag changed is removed and added.

    The ids are kept in the executors' memory for the time of the block.
    """
    sides = [frame.select("image_id", "etag", lit(side).alias("side")) for frame, side in ((now, 1), (then, -1))]
    # Grouping holds two nulls for equal, as etags must be here; joining would not.
    of_both = sides[0].unionByName(sides[1]).groupBy("image_id", "etag").agg(sum_of("side").alias("side"))
    changed = of_both.where(col("side") != 0).select("image_id", "side").persist()
    try:
        counts = changed.agg(count_if(col("side") > 0).alias("added"), count_if(col("side") < 0).alias("removed"))
        row = counts.collect()[0]
        yield RowChanges(changed, row["added"], row["removed"])
    finally:
        changed.unpersist()


def added_rows(now: DataFrame, changes: RowChanges) -> DataFrame:
    """The rows of `now` that were added."""
    return _of_ids(now, changes.rows.where(col("side") > 0))


def removed_rows(then: DataFrame, changes: RowChanges) -> DataFrame:
    """The rows of `then` that were removed."""
    return _of_ids(then, changes.rows.where(col("side") < 0))


def _of_ids(frame: DataFrame, ids: DataFrame) -> DataFrame:
    # Broadcast, so that no vector is sent through a shuffle to be thrown away.
    return frame.join(broadcast(ids.select("image_id")), "image_id", "left_semi")
