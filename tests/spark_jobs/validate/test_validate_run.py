"""The stage `validate_run` on a small run in the S3 stand-in: it passes, and each way to break the run is told."""

import dataclasses
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import array, col, lit, transform, when
from pyspark.sql.types import ArrayType, FloatType, StructType

from image_features.errors import ArgumentError, MissingDatasetError
from image_features.images.look import look_of
from image_features.job.progress import ProgressReporter
from image_features.job.stats import StageStats, stats_document
from image_features.reduce.arguments import ReduceArguments
from image_features.schemas import FEATURES, LOOKS, MANIFEST, PCA_FEATURES, REJECTS
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.validate.arguments import ValidateArguments, parse_validate_arguments
from image_features.validate.checks.check import ValidationFailedError
from reduce_features import reduce_features
from run_contract.documents import CheckDocument
from tests.spark_jobs.conftest import BUCKET
from tests.spark_jobs.stored_datasets import exists, write_dataset
from tests.spark_jobs.synthetic import LABELS, SOURCE_URI, features_table, image_id, labelled_vectors, to_frame
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
    _reduce(spark, run_uri)
    return count


def _reduce(spark: SparkSession, run_uri: str, **changes: Any) -> None:
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


@pytest.fixture(scope="module")
def finished(spark: SparkSession) -> str:
    """A good run that no test changes; `run_uri` is a copy of it for a test to break."""
    uri = f"s3://{BUCKET}/validate_run/finished"
    make_run(spark, uri)
    return uri


@pytest.fixture(scope="module")
def finished_later(spark: SparkSession) -> str:
    """A good run of other photographs, that no test changes; `later_uri` is a copy of it."""
    uri = f"s3://{BUCKET}/validate_run/later"
    make_run(spark, uri, seed=2)
    return uri


@pytest.fixture(scope="module")
def validated(spark: SparkSession, finished: str) -> StageStats:
    """The stats of a validation of `finished`, whose report is there."""
    return validate(spark, arguments_for(finished))


def copied(endpoint: Path, source_uri: str, target_uri: str) -> str:
    source, target = (endpoint / uri.removeprefix("s3://") for uri in (source_uri, target_uri))
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("report"))
    return target_uri


@pytest.fixture
def run_uri(endpoint: Path, finished: str, prefix_uri: str) -> str:
    return copied(endpoint, finished, prefix_uri)


@pytest.fixture
def later_uri(endpoint: Path, finished_later: str, prefix_uri: str) -> str:
    return copied(endpoint, finished_later, f"{prefix_uri}-later")


def validate(spark: SparkSession, arguments: ValidateArguments) -> StageStats:
    return validate_run(spark, arguments, ProgressReporter(arguments.progress_uri, "validate_run"))


def report_of(arguments: ValidateArguments) -> dict[str, Any]:
    return objects.read_json(f"{arguments.report_uri}/validation.json")


def verdicts(report: dict[str, Any], verdict: str) -> set[str]:
    return {check["name"] for check in report["checks"] if check["verdict"] == verdict}


def rewrite(spark: SparkSession, uri: str, schema: StructType, change: Callable[[DataFrame], DataFrame]) -> None:
    write_dataset(change(read_dataset(spark, uri, schema).localCheckpoint()), uri, schema)


@pytest.mark.slow
def test_a_good_run_passes_and_leaves_both_reports(finished: str, validated: StageStats) -> None:
    count = len(LABELS) * 40
    report = report_of(arguments_for(finished))
    assert (report["verdict"], report["run_uri"]) == ("passed", finished)
    assert verdicts(report, "failed") == verdicts(report, "warned") == set()
    assert verdicts(report, "skipped") == {"norm_quantiles", "drift_classifier_auc", "drift_psi", "model_drift"}
    assert {tuple(check) for check in report["checks"]} == {tuple(CheckDocument.__annotations__)}
    summary = report["summary"]
    assert (summary["objects"], summary["images"], summary["rejects"], summary["labels"]) == (count + 2, count, 1, 3)
    assert (summary["dimension"], summary["components"], summary["weights"]) == (24, COMPONENTS, WEIGHTS)
    assert summary["linear_probe_accuracy"] > 0.9
    assert validated.details == {"verdict": "passed", "checks": {"passed": len(report["checks"]) - 4, "skipped": 4}}
    assert objects.read_bytes(f"{finished}/report/index.html").startswith(b"<!doctype html>")
    assert b'<a href="explorer.html">' in objects.read_bytes(f"{finished}/report/index.html")
    assert objects.read_bytes(f"{finished}/report/explorer.html").startswith(b"<!doctype html>")
    assert (summary["flaws"], sum(summary["images_by_label"].values())) == ({}, count)
    assert objects.read_bytes(f"{finished}/suspects/labels.csv").startswith("\ufeffpath,label,exclude,note".encode())
    assert (summary["suspects"], summary["near_duplicates"]["leaked"]) == (0, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("validated")
def test_a_second_look_at_the_same_run_finds_the_same(spark: SparkSession, finished: str) -> None:
    first = report_of(arguments_for(finished))
    validate(spark, arguments_for(finished))
    assert report_of(arguments_for(finished)) == first


def _drop_one(spark: SparkSession, run: str, name: str, schema: StructType) -> None:
    def without_first(frame: DataFrame) -> DataFrame:
        first = frame.agg({"image_id": "min"}).collect()[0][0]
        return frame.where(col("image_id") != first)

    rewrite(spark, f"{run}/{name}", schema, without_first)


def _change_vector(spark: SparkSession, run: str, name: str, value: Any, schema: StructType) -> None:
    def of_first(frame: DataFrame) -> DataFrame:
        first = frame.agg({"image_id": "min"}).collect()[0][0]
        changed = value.cast(ArrayType(FloatType(), containsNull=False))
        return frame.withColumn(name, when(col("image_id") == first, changed).otherwise(col(name)))

    rewrite(spark, f"{run}/{name}", schema, of_first)


def _lose_an_image(spark: SparkSession, run: str) -> None:
    _drop_one(spark, run, "features", FEATURES)


def _lose_a_pca_row(spark: SparkSession, run: str) -> None:
    _drop_one(spark, run, "pca_features", PCA_FEATURES)


def _zero_vector(spark: SparkSession, run: str) -> None:
    zeros = array(*[lit(0.0)] * 24)
    _change_vector(spark, run, "features", zeros, FEATURES)


def _nan_in_pca(spark: SparkSession, run: str) -> None:
    nans = array(*[lit(float("nan"))] * COMPONENTS)
    _change_vector(spark, run, "pca_features", nans, PCA_FEATURES)


def _narrow_pca_row(spark: SparkSession, run: str) -> None:
    _change_vector(spark, run, "pca_features", array(lit(1.0), lit(2.0)), PCA_FEATURES)


def _double_pca(spark: SparkSession, run: str) -> None:
    doubled = transform("pca_features", lambda entry: (entry * 2).cast("float"))
    rewrite(spark, f"{run}/pca_features", PCA_FEATURES, lambda frame: frame.withColumn("pca_features", doubled))


def _relabel(spark: SparkSession, run: str) -> None:
    label = when(col("label") == "Cherry", lit("Apple")).otherwise(col("label"))
    rewrite(spark, f"{run}/features", FEATURES, lambda frame: frame.withColumn("label", label))


def _lose_the_model(spark: SparkSession, run: str) -> None:
    objects.delete_prefix(f"{run}/model")


def _lose_stats(spark: SparkSession, run: str) -> None:
    objects.delete(f"{run}/stats/reduce_features.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damages", "failed"),
    [
        ([_lose_an_image, _relabel], {"every_object_once", "row_counts_agree", "pca_features_complete", "labels_kept"}),
        ([_lose_a_pca_row], {"row_counts_agree", "pca_features_complete", "pca_means_zero", "explained_variance_true"}),
        ([_zero_vector, _nan_in_pca], {"no_zero_vectors", "pca_features_finite", "model_reproduces_rows"}),
        ([_narrow_pca_row], {"pca_features_width", "model_reproduces_rows"}),
        ([_double_pca], {"explained_variance_true", "model_reproduces_rows"}),
        ([_lose_the_model], {"model_reproduces_rows"}),
        ([_lose_stats], {"stages_complete"}),
    ],
)
def test_damage_fails_the_run_after_the_report_is_written(
    spark: SparkSession, run_uri: str, damages: list[Callable[[SparkSession, str], None]], failed: set[str]
) -> None:
    for damage in damages:
        damage(spark, run_uri)
    arguments = arguments_for(run_uri)
    with pytest.raises(ValidationFailedError) as caught:
        validate(spark, arguments)
    report = report_of(arguments)
    assert report["verdict"] == "failed"
    # One lost row in 120 moves the components' means and correlations by little, but not by nothing.
    assert failed <= verdicts(report, "failed") <= failed | {"pca_covariance_diagonal", "pca_means_zero"}
    assert all(f"{name} is " in str(caught.value) for name in verdicts(report, "failed"))
    assert exists(f"{run_uri}/report/index.html")


@pytest.mark.slow
def test_too_many_rejects_fail(spark: SparkSession, run_uri: str) -> None:
    with pytest.raises(ValidationFailedError, match=r"reject_share is 0\.008"):
        validate(spark, arguments_for(run_uri, max_reject_share=0.0))


def test_a_missing_dataset_is_an_error_that_names_it(spark: SparkSession, run_uri: str) -> None:
    objects.delete_prefix(f"{run_uri}/features")
    with pytest.raises(MissingDatasetError, match="there is no such dataset"):
        validate(spark, arguments_for(run_uri))


def publish(run_uri: str, pointer_uri: str, **changes: Any) -> str:
    """Publish a run that was validated; return the pointer's URI."""
    snapshot = {"features_uri": f"{run_uri}/features", "identity": IDENTITY, "snapshot": "before"}
    snapshot["summary"] = report_of(arguments_for(run_uri))["summary"]
    objects.write_json(pointer_uri, snapshot | changes)
    return pointer_uri


@pytest.fixture
def published_uri(finished: str, validated: StageStats, prefix_uri: str) -> str:
    """The pointer to the snapshot of `finished`."""
    return publish(finished, f"{prefix_uri}-published/latest.json")


@pytest.mark.slow
def test_a_run_is_compared_with_the_published_one(spark: SparkSession, later_uri: str, published_uri: str) -> None:
    arguments = arguments_for(later_uri, published_uri=published_uri)
    validate(spark, arguments)
    report = report_of(arguments)
    assert (verdicts(report, "skipped"), verdicts(report, "warned")) == ({"model_drift"}, set())


@pytest.mark.slow
@pytest.mark.usefixtures("validated")
def test_a_run_on_the_model_of_a_run_before_passes_and_says_so(
    spark: SparkSession, finished: str, later_uri: str, prefix_uri: str
) -> None:
    model = objects.read_json(f"{finished}/stats/reduce_features.json")["details"]["model"]
    of_model = {"model": model, "model_uri": f"{finished}/model", "params": {}}
    published = publish(finished, f"{prefix_uri}-published/latest.json", **of_model)
    _reduce(spark, later_uri, published_uri=published, reduce="project")
    arguments = arguments_for(later_uri, published_uri=published)
    validate(spark, arguments)
    report = report_of(arguments)
    skipped = {"pca_means_zero", "pca_covariance_diagonal", "explained_variance_true"}
    assert (report["verdict"], verdicts(report, "skipped")) == ("passed", skipped)
    assert "model_reproduces_rows" in verdicts(report, "passed")
    drift = next(check for check in report["checks"] if check["name"] == "model_drift")
    # Rows drawn anew: how far the model is from them is not the test's business, but that the report has the figure is.
    found = objects.read_json(f"{later_uri}/stats/reduce_features.json")["details"]["model"]["drift"]
    assert (drift["value"], drift["verdict"]) == (found, "passed" if found <= drift["limit"] else "warned")
    fitted_in = model["fitted_in"]
    assert (report["summary"]["model"]["action"], report["summary"]["model"]["fitted_in"]) == ("project", fitted_in)
    assert f"rows of {fitted_in}, not on these" in objects.read_bytes(f"{later_uri}/report/index.html").decode()


@pytest.mark.slow
def test_a_published_run_is_compared_with_the_snapshot_before_it(
    spark: SparkSession, later_uri: str, published_uri: str
) -> None:
    folder = published_uri.rpartition("/")[0]
    objects.write_json(f"{folder}/before.json", objects.read_json(published_uri))
    objects.write_json(
        published_uri, {"features_uri": f"{later_uri}/features", "snapshot": "new", "previous": "before"}
    )
    arguments = arguments_for(later_uri, published_uri=published_uri)
    validate(spark, arguments)
    assert verdicts(report_of(arguments), "skipped") == {"model_drift"}


@pytest.mark.slow
@pytest.mark.usefixtures("validated")
def test_features_that_moved_since_the_published_run_warn(
    spark: SparkSession, finished: str, run_uri: str, later_uri: str
) -> None:
    shifted = transform("features", lambda entry: (entry * 1.5).cast("float"))
    rewrite(spark, f"{run_uri}/features", FEATURES, lambda frame: frame.withColumn("features", shifted))
    published = publish(finished, f"{run_uri}/published/latest.json", features_uri=f"{run_uri}/features")
    arguments = arguments_for(later_uri, published_uri=published)
    validate(spark, arguments)
    assert {"drift_classifier_auc", "drift_psi"} <= verdicts(report_of(arguments), "warned")


@pytest.mark.slow
@pytest.mark.usefixtures("validated")
def test_a_published_run_of_another_backbone_is_not_compared(spark: SparkSession, finished: str, run_uri: str) -> None:
    other = IDENTITY | {"backbone": "resnet50"}
    arguments = arguments_for(run_uri, published_uri=publish(finished, f"{run_uri}/pointer.json", identity=other))
    validate(spark, arguments)
    drift = next(check for check in report_of(arguments)["checks"] if check["name"] == "drift_psi")
    assert drift["verdict"] == "skipped"
    assert "backbone resnet50 there, mobilenet_v2 here" in drift["advice"]


@pytest.mark.slow
def test_published_features_that_are_gone_are_not_compared(spark: SparkSession, run_uri: str) -> None:
    arguments = arguments_for(run_uri, published_uri=f"{run_uri}/pointer.json")
    gone = {"features_uri": f"{run_uri}/gone/features", "identity": IDENTITY}
    objects.write_json(arguments.published_uri, gone)
    validate(spark, arguments)
    drift = next(check for check in report_of(arguments)["checks"] if check["name"] == "drift_psi")
    assert (drift["verdict"], drift["advice"]) == (
        "skipped",
        f"the published features are gone: {run_uri}/gone/features",
    )


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_reject_share_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        arguments_for("s3://bucket/runs/one", max_reject_share=share)


def test_arguments_become_fields() -> None:
    expected = arguments_for("s3://bucket/runs/one", duplicate_likeness=0.955)
    uris = {name: value for name, value in dataclasses.asdict(expected).items() if name.endswith("_uri")}
    words = [word for name, uri in uris.items() for word in (f"--{name.replace('_', '-')}", uri)]
    assert parse_validate_arguments(words) == expected
    assert parse_validate_arguments([*words, "--max-reject-share", "0.5"]).max_reject_share == 0.5
