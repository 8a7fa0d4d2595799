"""Which of the sample's photographs the last snapshot had already."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import SparkContext

from image_features.errors import Unavailable
from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import file_groups, read_table
from image_features.storage.snapshots import newest_other
from image_features.validate.arguments import ValidateArguments

_PAIR = ["uri", "etag"]
_SCHEMA = pa.schema([(name, pa.string()) for name in _PAIR])


def new_since_last_snapshot(
    context: SparkContext, arguments: ValidateArguments, sample: pa.Table
) -> NDArray[np.bool_] | Unavailable:
    """Return for each row of `sample`, with `uri` and `etag`, whether the last snapshot had no such object."""
    published = newest_other(arguments.published_uri, arguments.features_uri)
    if isinstance(published, Unavailable):
        return published
    groups = list(file_groups(published["features_uri"], context.defaultParallelism))
    if not groups:
        return Unavailable(f"the published features are gone: {published['features_uri']}")
    wanted = context.broadcast(sample["uri"].combine_chunks())

    def read(uris: Sequence[str]) -> pa.Table:
        table = read_table(uris, _SCHEMA)
        return table.filter(pc.is_in(table["uri"], wanted.value))

    before = pa.concat_tables(one_task_each(context, groups, read).collect())
    wanted.destroy()
    known = {(row["uri"], row["etag"]) for row in before.to_pylist()}
    return np.array([(row["uri"], row["etag"]) not in known for row in sample.select(_PAIR).to_pylist()], dtype=bool)
