"""`validate_run` compares a run with the published one, where there is one that it can be compared with."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.functions import transform

from image_features.job.stats import StageStats
from image_features.schemas import FEATURES
from image_features.storage import objects
from tests.spark_jobs.validate.finished_runs import (
    IDENTITY,
    arguments_for,
    publish,
    reduce,
    report_of,
    rewrite,
    validate,
    verdicts,
)


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
    reduce(spark, later_uri, published_uri=published, reduce="project")
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
