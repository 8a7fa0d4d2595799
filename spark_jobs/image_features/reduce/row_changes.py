"""How many rows were added and removed since the published snapshot."""

import logging

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count_if, lit
from pyspark.sql.functions import sum as sum_of

from image_features.errors import MissingDatasetError, SchemaMismatchError, Unavailable
from image_features.schemas import FEATURES
from image_features.storage.datasets import read_dataset
from image_features.storage.snapshots import Snapshot, name_of

logger = logging.getLogger(__name__)

# Numbers of rows that were `added` and `removed`. An image whose etag changed counts in both: its old row was removed,
# and a new one added.
RowChanges = dict[str, int]


def changes_since(spark: SparkSession, features_uri: str, rows: int, baseline: Snapshot | Unavailable) -> RowChanges:
    """Count the pairs of image_id and etag that only these features, of `rows` rows, or only the snapshot's have.

    All rows are new if the snapshot's cannot be read.
    """
    all_new = {"added": rows, "removed": 0}
    if isinstance(baseline, Unavailable):
        return all_new
    try:
        then = read_dataset(spark, baseline["features_uri"], FEATURES)
    except (MissingDatasetError, SchemaMismatchError) as error:
        logger.warning("all rows count as new, because the features of %s cannot be read: %s", name_of(baseline), error)
        return all_new
    now = read_dataset(spark, features_uri, FEATURES)
    sides = [frame.select("image_id", "etag", lit(side).alias("side")) for frame, side in ((now, 1), (then, -1))]
    # Grouping takes two nulls for equal, as etags must be here. A join would not.
    pairs = sides[0].unionByName(sides[1]).groupBy("image_id", "etag").agg(sum_of("side").alias("side"))
    counts = pairs.agg(count_if(col("side") > 0).alias("added"), count_if(col("side") < 0).alias("removed"))
    return counts.collect()[0].asDict()
