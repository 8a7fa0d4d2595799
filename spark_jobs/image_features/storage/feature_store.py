"""The places of the feature store. It is a cache: what is missing in it is computed again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, struct
from pyspark.sql.functions import min as min_of
from pyspark.sql.types import StructType

from image_features.images.formats import SNIFFING_VERSION
from image_features.schemas import OBJECTS, VECTORS
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.storage.parquet_files import data_files
from run_contract.rejects import TRIED_AGAIN

ROWS_VERSION = 2
"""Increase it whenever rows of VECTORS get other columns: what has other ones is computed again."""


def objects_uri(store_uri: str) -> str:
    """Return the folder that says what the bytes behind an ETag are; another way to judge them has another folder."""
    return f"{store_uri}/objects/v{SNIFFING_VERSION}"


def vectors_uri(store_uri: str, store_identity: Mapping[str, Any]) -> str:
    """Return the folder of the vectors of one network; no two networks share one, so vectors never mix."""
    return f"{store_uri}/vectors/v{ROWS_VERSION}/{store_key(store_identity)}"


def store_key(store_identity: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for what a network's vectors are kept by, in any order of its names.

    >>> store_key({"backbone": "vgg16", "engine": "openvino"})
    '07d559879360f03d'
    """
    return hashlib.sha256(json.dumps(store_identity, sort_keys=True).encode()).hexdigest()[:16]


def write_identity(store_uri: str, store_identity: Mapping[str, Any]) -> None:
    """Write what they are kept by next to the vectors for people to read: the key alone says nothing."""
    objects.write_json_if_absent(f"{vectors_uri(store_uri, store_identity)}/identity.json", store_identity)


def has_parts(folder_uri: str) -> bool:
    """Return whether a folder of the store holds any rows."""
    return next(data_files(folder_uri), None) is not None


def read(spark: SparkSession, folder_uri: str, schema: StructType) -> DataFrame:
    """Return the rows of a folder of the store, which may hold none yet."""
    if has_parts(folder_uri):
        return read_dataset(spark, folder_uri, schema)
    # Only by the limit does Spark know that there is no row, and leaves out the join.
    return spark.createDataFrame([], schema).limit(0)


def answered(spark: SparkSession, folder_uri: str) -> DataFrame:
    """Return the `content_sha256` of each content that need not be computed: a vector is there, or a lasting reject."""
    is_lasting = col("reason").isNull() | ~col("reason").isin(*TRIED_AGAIN)
    return read(spark, folder_uri, VECTORS).where(is_lasting).select("content_sha256")


def by_etag(store_objects: DataFrame) -> DataFrame:
    """Return one row of the store's objects for each ETag and size, however often it was written."""
    keys = ("etag", "size_bytes")
    facts = [name for name in OBJECTS.names if name not in keys]
    return store_objects.groupBy(*keys).agg(min_of(struct(*facts)).alias("facts")).select(*keys, "facts.*")
