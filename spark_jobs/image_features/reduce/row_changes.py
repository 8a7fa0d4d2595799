"""How many rows were added and removed since the published snapshot."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count_if, lit
from pyspark.sql.functions import sum as sum_of

from image_features.errors import MissingDatasetError, SchemaMismatchError
from image_features.schemas import FEATURES
from image_features.storage.datasets import read_dataset
from image_features.storage.snapshots import Snapshot, name_of
from image_features.unavailable import Unavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RowChanges:
    """Counts of rows; an image whose etag changed counts in both, for its old row was removed and a new one added."""

    added: int
    removed: int


def changes_since(spark: SparkSession, features: DataFrame, rows: int, baseline: Snapshot | Unavailable) -> RowChanges:
    """Return how the `rows` rows of `features` differ from those of the snapshot; all are new if it cannot be read."""
    if isinstance(baseline, Unavailable):
        return RowChanges(added=rows, removed=0)
    try:
        return count_changes(features, read_dataset(spark, baseline["features_uri"], FEATURES))
    except (MissingDatasetError, SchemaMismatchError) as error:
        logger.warning("all rows count as new, because the features of %s cannot be read: %s", name_of(baseline), error)
        return RowChanges(added=rows, removed=0)


def count_changes(now: DataFrame, then: DataFrame) -> RowChanges:
    """Count the pairs of image_id and etag that only one of the two datasets has. No other column is read."""
    sides = [frame.select("image_id", "etag", lit(side).alias("side")) for frame, side in ((now, 1), (then, -1))]
    # Grouping takes two nulls for equal, as etags must be here. A join would not.
    pairs = sides[0].unionByName(sides[1]).groupBy("image_id", "etag").agg(sum_of("side").alias("side"))
    row = pairs.agg(count_if(col("side") > 0).alias("added"), count_if(col("side") < 0).alias("removed")).collect()[0]
    return RowChanges(row["added"], row["removed"])
