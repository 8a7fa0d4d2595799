"""Datasets are held against their schemas, both ways, and a write replaces its own prefix alone."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.functions import lit

from image_features.errors import BucketNotFoundError, DamagedFileError, MissingDatasetError, SchemaMismatchError
from image_features.schemas import FEATURES, MANIFEST, PCA_FEATURES, REJECTS
from image_features.storage import objects
from image_features.storage.datasets import (
    REJECT_FILES,
    check_dataset,
    read_dataset,
    read_rejects,
    start_rejects,
    write_rejects,
)
from tests.spark_jobs.stored_datasets import write_dataset

MODIFIED_AT = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
ROW = ("id", "s3://b/é 1.jpg", "Apple", None, 12, "etag", MODIFIED_AT, "tree")
VECTOR = ("id", "s3://b/1.jpg", None, None, "etag", [0.5, -1.25])


def test_what_was_written_is_read(spark: SparkSession, prefix_uri: str) -> None:
    write_dataset(spark.createDataFrame([ROW], MANIFEST), f"{prefix_uri}/manifest", MANIFEST)
    assert [(*row[:6],) for row in read_dataset(spark, f"{prefix_uri}/manifest", MANIFEST).collect()] == [ROW[:6]]


def test_the_error_names_the_columns_of_another_dataset(spark: SparkSession, prefix_uri: str) -> None:
    write_dataset(spark.createDataFrame([VECTOR], FEATURES), f"{prefix_uri}/features", FEATURES)
    with pytest.raises(SchemaMismatchError) as caught:
        read_dataset(spark, f"{prefix_uri}/features", PCA_FEATURES)
    assert caught.value.missing == ("pca_features array<float>",)
    assert caught.value.unexpected == ("features array<float>",)
    assert f"{prefix_uri}/features" in str(caught.value)
    with pytest.raises(SchemaMismatchError) as checked:
        check_dataset(f"{prefix_uri}/features", PCA_FEATURES)
    assert str(checked.value) == str(caught.value)
    check_dataset(f"{prefix_uri}/features", FEATURES)


def test_a_column_of_another_type_is_refused(spark: SparkSession, prefix_uri: str) -> None:
    frame = spark.createDataFrame([ROW], MANIFEST).withColumn("size_bytes", lit("twelve"))
    write_dataset(frame, f"{prefix_uri}/manifest", MANIFEST)
    with pytest.raises(SchemaMismatchError, match=r"size_bytes bigint.*size_bytes string"):
        read_dataset(spark, f"{prefix_uri}/manifest", MANIFEST)
    with pytest.raises(SchemaMismatchError, match=r"size_bytes bigint.*size_bytes string"):
        check_dataset(f"{prefix_uri}/manifest", MANIFEST)


def test_a_damaged_file_of_a_dataset_is_named(prefix_uri: str) -> None:
    uri = f"{prefix_uri}/features/part-0.parquet"
    objects.write_bytes(uri, b"PAR1 and no more")
    with pytest.raises(DamagedFileError, match=r"part-0\.parquet: cannot be read: "):
        check_dataset(f"{prefix_uri}/features", FEATURES)


def test_a_dataset_that_is_not_there_is_an_error(spark: SparkSession, prefix_uri: str) -> None:
    with pytest.raises(MissingDatasetError, match="run the stage that writes it"):
        read_dataset(spark, f"{prefix_uri}/features", FEATURES)
    objects.write_bytes(f"{prefix_uri}/features/_SUCCESS", b"")
    with pytest.raises(MissingDatasetError, match="run the stage that writes it"):
        read_dataset(spark, f"{prefix_uri}/features", FEATURES)
    with pytest.raises(MissingDatasetError, match="run the stage that writes it"):
        check_dataset(f"{prefix_uri}/features", FEATURES)


def test_a_bucket_that_is_not_there_is_another_error(spark: SparkSession) -> None:
    with pytest.raises(BucketNotFoundError, match="no-such-bucket-here"):
        read_dataset(spark, "s3://no-such-bucket-here/features", FEATURES)


def test_rejects_of_two_stages_lie_side_by_side_and_are_counted(spark: SparkSession, prefix_uri: str) -> None:
    reasons = ["empty_object", "not_an_image", "empty_object"]
    rows = [{"image_id": str(n), "uri": f"s3://b/{n}", "reason": reason} for n, reason in enumerate(reasons)]
    rejects = pa.Table.from_pylist(rows, REJECT_FILES)
    uri = f"{prefix_uri}/rejects"
    for _ in range(2):
        start_rejects(uri, "ingest_images")
        # A repeated task writes its file again.
        for _ in range(2):
            assert write_rejects(rejects, uri, "ingest_images", ["a key"]) == {"empty_object": 2, "not_an_image": 1}
    start_rejects(uri, "featurize_images")
    assert read_rejects(spark, uri, "featurize_images").count() == 0
    read = read_dataset(spark, uri, REJECTS).collect()
    assert sorted((row.uri, row.stage) for row in read) == [(f"s3://b/{n}", "ingest_images") for n in range(3)]
