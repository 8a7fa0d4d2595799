"""The stage `validate_run` on a small run in the S3 stand-in: it passes, and each way to break the run is told."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import array, col, lit, transform, when
from pyspark.sql.types import ArrayType, FloatType, StructType

from image_features.errors import ArgumentError, MissingDatasetError
from image_features.job.stats import StageStats
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.storage import objects
from image_features.validate.arguments import parse_validate_arguments
from image_features.validate.checks.check import ValidationFailedError
from run_contract.documents import CheckDocument
from tests.spark_jobs.stored_datasets import exists
from tests.spark_jobs.synthetic import LABELS
from tests.spark_jobs.validate.finished_runs import (
    COMPONENTS,
    WEIGHTS,
    arguments_for,
    report_of,
    rewrite,
    validate,
    verdicts,
)


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
