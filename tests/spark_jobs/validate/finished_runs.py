"""A small finished run in the S3 stand-in, as the stages before `validate_run` leave it, and what a test asks of it."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from image_features.images.look import look_of
from image_features.job.progress import ProgressReporter
from image_features.job.stats import StageStats, stats_document
from image_features.reduce.arguments import ReduceArguments
from image_features.schemas import FEATURES, LOOKS, MANIFEST, REJECTS
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.validate.arguments import ValidateArguments
from reduce_features import reduce_features
from tests.spark_jobs.stored_datasets import write_dataset
from tests.spark_jobs.synthetic import SOURCE_URI, features_table, image_id, labelled_vectors, to_frame
from validate_run import validate_run

COMPONENTS = 5
SEEN = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
REJECTED = {
    "s3://photographs/landing/notes.txt": ("ignored_object", "ingest_images"),
    "s3://photographs/landing/Test/Apple/cut.jpg": ("decode_failed", "featurize_images"),
}
THUMBNAIL = look_of(np.full((48, 48, 3), 90, np.uint8), 40, 30).thumbnail
WEIGHTS = {"source": "imagenet", "sha256": "ab" * 32, "pretrained": True}
IDENTITY = {"backbone": "mobilenet_v2", "precision": "float32", "resize": "bilinear", "weights": WEIGHTS}


def arguments_for(run_uri: str, **changes: Any) -> ValidateArguments:
    folders = ("manifest", "rejects", "features", "looks", "model", "pca_features", "groups", "suspects", "report")
    given: dict[str, Any] = {f"{name}_uri": f"{run_uri}/{name}" for name in folders}
    given["stats_prefix_uri"] = f"{run_uri}/stats"
    given["published_uri"] = f"{run_uri}/published/latest.json"
    given |= {f"{name}_uri": f"{run_uri}/{name}/validate_run.json" for name in ("stats", "progress")}
    return ValidateArguments(**{**given, "max_reject_share": 0.05, "duplicate_likeness": 0.9999, **changes})


def make_run(spark: SparkSession, run_uri: str, seed: int = 0) -> int:
    """A finished run of 120 images, as the stages before this one leave it; returns how many."""
    vectors, names = labelled_vectors(seed=seed)
    features = to_frame(spark, features_table(vectors, names))
    write_dataset(features, f"{run_uri}/features", FEATURES)
    looks = [
        (row["image_id"], row["uri"], row["label"], row["etag"], 40, 30, 0.1, 0.9, 6.0, 300.0, 0.4, THUMBNAIL)
        for row in features.collect()
    ]
    write_dataset(spark.createDataFrame(looks, LOOKS), f"{run_uri}/looks", LOOKS)
    listed = [
        (row["image_id"], row["uri"], row["label"], row["split"], 9, "e", SEEN, None) for row in features.collect()
    ]
    labels = (None, "Apple")
    for (uri, (reason, stage)), label in zip(REJECTED.items(), labels, strict=True):
        listed.append((image_id(uri), uri, label, None, 9, "e", SEEN, None))
        in_files = StructType([field for field in REJECTS if field.name != "stage"])
        rejects = spark.createDataFrame([(image_id(uri), uri, reason, "why")], in_files)
        write_dataset(rejects, f"{run_uri}/rejects/stage={stage}", in_files)
    write_dataset(spark.createDataFrame(listed, MANIFEST), f"{run_uri}/manifest", MANIFEST)
    count = len(names)
    _write_stats(run_uri, "ingest_images", StageStats(count + 2, count + 1), {"source_uri": SOURCE_URI})
    details = {"weights": WEIGHTS, "dimension": vectors.shape[1], "identity": IDENTITY}
    _write_stats(run_uri, "featurize_images", StageStats(count + 1, count, details=details), IDENTITY)
    reduce(spark, run_uri)
    return count


def reduce(spark: SparkSession, run_uri: str, **changes: Any) -> None:
    folders = ("features", "model", "pca_features", "pca_features_csv", "stats", "progress")
    given: dict[str, Any] = {f"{name}_uri": f"{run_uri}/{name}" for name in folders}
    given["stats_prefix_uri"] = f"{run_uri}/stats"
    given["published_uri"] = f"{run_uri}/published/latest.json"
    asked: dict[str, Any] = {"pca_components": COMPONENTS, "explained_variance": None, "formats": ("parquet",)}
    arguments = ReduceArguments(**{**given, **asked, **changes})
    stats = reduce_features(spark, arguments, ProgressReporter(f"{run_uri}/progress.json", "reduce_features"))
    _write_stats(run_uri, "reduce_features", stats, asked)


def _write_stats(run_uri: str, stage: str, stats: StageStats, arguments: dict[str, Any]) -> None:
    objects.write_json(f"{run_uri}/stats/{stage}.json", stats_document(stage, stats, arguments, "3.5", SEEN, SEEN))


def validate(spark: SparkSession, arguments: ValidateArguments) -> StageStats:
    return validate_run(spark, arguments, ProgressReporter(arguments.progress_uri, "validate_run"))


def report_of(arguments: ValidateArguments) -> dict[str, Any]:
    return objects.read_json(f"{arguments.report_uri}/validation.json")


def verdicts(report: dict[str, Any], verdict: str) -> set[str]:
    return {check["name"] for check in report["checks"] if check["verdict"] == verdict}


def rewrite(spark: SparkSession, uri: str, schema: StructType, change: Callable[[DataFrame], DataFrame]) -> None:
    write_dataset(change(read_dataset(spark, uri, schema).localCheckpoint()), uri, schema)


def publish(run_uri: str, pointer_uri: str, **changes: Any) -> str:
    """Publish a run that was validated; return the pointer's URI."""
    snapshot = {"features_uri": f"{run_uri}/features", "identity": IDENTITY, "snapshot": "before"}
    snapshot["summary"] = report_of(arguments_for(run_uri))["summary"]
    objects.write_json(pointer_uri, snapshot | changes)
    return pointer_uri
