"""A run's features, made of the store's files on the workers: as in feature_files, no vector goes through the JVM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import SparkContext
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.schemas import FEATURES, IN_FILES_OF_REJECTS, VECTORS
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part, write_part

_FEATURES = to_arrow_schema(FEATURES)
_REJECTS = to_arrow_schema(IN_FILES_OF_REJECTS)
_VECTORS = to_arrow_schema(VECTORS)
_IMAGE_COLUMNS = [name for name in FEATURES.names if name != "features"]
_IN_ORDER = [("label", "ascending"), ("uri", "ascending")]

NARROW_IMAGES = pa.schema([_VECTORS.field("content_sha256"), *map(_FEATURES.field, _IMAGE_COLUMNS)])
"""What is to be known of an image here: its place, and the SHA-256 of its bytes."""


@dataclass(frozen=True)
class Joined:
    """`found` are the row numbers of the images that are in the store, again for each file group that has one too.

    `rejects` are the images among them that have a reason instead of a vector.
    """

    found: np.ndarray
    rejects: pa.Table


def join_files(context: SparkContext, images: pa.Table, vectors_uri: str, features_uri: str) -> Joined:
    """Makes `features`, a file of each group of the store's: a row for each image whose bytes have a vector.

    `images` has the columns of NARROW_IMAGES and goes to every worker.
    """
    everywhere = context.broadcast(images)

    def join_group(uris: Sequence[str]) -> Joined:
        images, vectors = everywhere.value, pa.concat_tables([_read(uri) for uri in uris])
        places = pc.index_in(images["content_sha256"], vectors["content_sha256"].combine_chunks())
        found = np.flatnonzero(pc.is_valid(places)).astype(np.int32)
        table = images.take(found).append_column("place", pc.drop_null(places)).sort_by(_IN_ORDER)
        without = pc.is_valid(vectors["reason"].take(table["place"]))
        _write_features(_with(table.filter(pc.invert(without)), vectors, _FEATURES), features_uri)
        return Joined(found, _with(table.filter(without), vectors, _REJECTS))

    groups = list(file_groups(vectors_uri, tasks=context.defaultParallelism))
    objects.delete_prefix(features_uri)
    joined = one_task_each(context, groups, join_group).collect()
    found = np.concatenate([np.empty(0, np.int32), *(one.found for one in joined)])
    rejects = pa.concat_tables([_REJECTS.empty_table(), *(one.rejects for one in joined)])
    if len(found) == rejects.num_rows:
        # A dataset all the same.
        write_part(features_uri, [], _FEATURES, [])
    return Joined(found, rejects)


def _read(uri: str) -> pa.Table:
    return pa.Table.from_batches(read_part(uri, _VECTORS.names, ROWS_PER_ARROW_BATCH), _VECTORS)


def _with(table: pa.Table, vectors: pa.Table, schema: pa.Schema) -> pa.Table:
    """The schema's columns, each of the images or of the vector at its `place`."""
    columns = [
        table[name] if name in NARROW_IMAGES.names else vectors[name].take(table["place"]) for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema.names).cast(schema)


def _write_features(features: pa.Table, features_uri: str) -> None:
    if features.num_rows:
        write_part(features_uri, features.combine_chunks().to_batches(), _FEATURES, features["image_id"].to_pylist())
