"""The run's features, made of the store's files on the workers: as in feature_files, no vector goes through the JVM."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import SparkContext
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from image_features import objects
from image_features.feature_files import file_groups
from image_features.parquet_parts import read_part, write_part
from image_features.schemas import FEATURES, VECTORS
from image_features.spark_pca import ROWS_PER_ARROW_BATCH

_FEATURES = to_arrow_schema(FEATURES)
_VECTORS = to_arrow_schema(VECTORS)
_IMAGE_COLUMNS = [name for name in FEATURES.names if name != "features"]
_IMAGES = pa.schema([_VECTORS.field("content_sha256"), *map(_FEATURES.field, _IMAGE_COLUMNS)])
_IN_ORDER = [("label", "ascending"), ("uri", "ascending")]


def join_files(context: SparkContext, contents: DataFrame, vectors_uri: str, features_uri: str) -> int:
    """Makes `features`, a file of each group of the store's: a row for each image whose bytes have a vector.

    `contents` goes to the driver and to every worker. Returns the number of rows: more than images, if the store has a
    vector twice.
    """
    narrow = contents.select(*_IMAGES.names).toPandas()
    images = context.broadcast(pa.Table.from_pandas(narrow, _IMAGES, preserve_index=False))

    def join_group(uris: Sequence[str]) -> int:
        table = pa.concat_tables([_joined(uri, images.value) for uri in uris])
        in_order = table.sort_by(_IN_ORDER).combine_chunks()
        if in_order.num_rows:
            write_part(features_uri, in_order.to_batches(), _FEATURES, in_order["image_id"].to_pylist())
        return int(in_order.num_rows)

    groups = list(file_groups(vectors_uri, tasks=context.defaultParallelism))
    objects.delete_prefix(features_uri)
    return sum(context.parallelize(groups, max(1, len(groups))).map(join_group).collect())


def _joined(uri: str, images: pa.Table) -> pa.Table:
    """The images whose vectors are in this file of the store, with them."""
    columns = ["content_sha256", "features", "reason"]
    read = pa.Table.from_batches(read_part(uri, columns, ROWS_PER_ARROW_BATCH), pa.schema(map(_VECTORS.field, columns)))
    vectors = read.filter(pc.is_null(read["reason"]))
    places = pc.index_in(images["content_sha256"], vectors["content_sha256"].combine_chunks())
    found = images.filter(pc.is_valid(places))
    features = vectors["features"].take(pc.drop_null(places)).cast(_FEATURES.field("features").type)
    return pa.Table.from_arrays([*(found[name] for name in _IMAGE_COLUMNS), features], schema=_FEATURES)
