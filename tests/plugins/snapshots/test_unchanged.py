"""A run that would repeat what is published is skipped and says what was compared; any difference lets it run."""

import gzip
from typing import Any

import pytest

from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.operators.stage_code import wanted_code_uri
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSkipException
from tests.plugins.published_runs import BUCKET, freeze_inventory, latest, publish_run, put, stage_imagenet

PHOTOS = ("landing/apple/1.jpg", "landing/apple/2 \u00e9.jpg", "landing/pear/1.jpg")


@pytest.fixture
def check_run(settings: Any, s3: Any) -> CheckRunOperator:
    stage_imagenet(s3)
    for key in PHOTOS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"jpeg")
    code_uri = wanted_code_uri(settings)
    publish_run(s3, "before", code_uri=code_uri, code_version=code_uri.rpartition("/")[2])
    freeze_inventory(s3, "before")
    return CheckRunOperator(task_id="check_run", settings=settings, region_name="us-east-1")


def test_a_run_of_the_same_is_skipped_and_says_what_was_compared(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    with pytest.raises(AirflowSkipException) as skipped:
        check_run.execute(context)

    text = str(skipped.value)
    assert f"nothing new since snapshot {latest(s3)['snapshot']} of run before, published 2026-11-20T12:00:00Z" in text
    assert "the 3 objects below s3://pictures/landing" in text
    assert "make run FORCE=1" in text
    assert context["ti"].pushed == {"nothing_new": text}


def test_it_comes_before_the_refusal_to_write_over_what_is_published(check_run: CheckRunOperator, context: Any) -> None:
    context["params"] |= {"run": "before"}

    with pytest.raises(AirflowSkipException):
        check_run.execute(context)


@pytest.mark.parametrize(
    "changed",
    [
        {"force": True},
        {"pca_components": 64},
        {"sample_limit": 2},
        {"formats": ["parquet", "csv"]},
        {"reduce": "auto"},
        {"weights": "random:0"},
    ],
)
def test_a_run_that_asks_for_something_else_runs(
    check_run: CheckRunOperator, context: Any, changed: dict[str, Any]
) -> None:
    context["params"] |= changed

    assert check_run.execute(context) == "s3://pictures/runs/r"


@pytest.mark.parametrize("what", ["new", "changed", "gone"])
def test_a_run_with_other_photographs_runs(check_run: CheckRunOperator, context: Any, s3: Any, what: str) -> None:
    if what == "gone":
        s3.delete_object(Bucket=BUCKET, Key=PHOTOS[1])
    else:
        s3.put_object(Bucket=BUCKET, Key="landing/z.jpg" if what == "new" else PHOTOS[1], Body=b"PNG.")

    assert check_run.execute(context) == "s3://pictures/runs/r"


@pytest.mark.parametrize("lacks", ["inventory.csv.gz", "stats/validate_run.json", "report/validation.json"])
def test_a_published_run_that_is_not_whole_is_made_again(
    check_run: CheckRunOperator, context: Any, s3: Any, lacks: str
) -> None:
    s3.delete_object(Bucket=BUCKET, Key=f"runs/before/{lacks}")

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_an_inventory_that_cannot_be_compared_lets_the_run_look_at_everything(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    s3.put_object(Bucket=BUCKET, Key="runs/before/inventory.csv.gz", Body=gzip.compress(b"a,b\n"))

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_other_code_runs(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    put(s3, "published/latest.json", latest(s3) | {"code_uri": "s3://pictures/code/other"})

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_a_document_of_version_1_lets_the_run_run(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    old = {name: latest(s3)[name] for name in ("snapshot", "run", "dag_run_id", "run_uri", "published_at", "counts")}
    put(s3, "published/latest.json", old)

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_a_published_dag_run_that_is_cleared_from_its_first_task_on_is_refused_and_not_skipped(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    context["dag_run"].run_id = latest(s3)["dag_run_id"]
    context["params"] |= {"run": "before"}

    with pytest.raises(AirflowFailException, match="what is published is never rewritten"):
        check_run.execute(context)


def test_weights_under_the_same_name_with_other_bytes_run(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="models/own.h5", Body=b"weights")["ETag"].strip('"')
    context["params"] |= {"weights": "s3://pictures/models/own.h5"}
    params = latest(s3)["params"] | {"weights": "s3://pictures/models/own.h5"}
    put(s3, "published/latest.json", latest(s3) | {"params": params, "weights_etag": etag})
    with pytest.raises(AirflowSkipException):
        check_run.execute(context)

    other = s3.put_object(Bucket=BUCKET, Key="models/own.h5", Body=b"other weights")["ETag"].strip('"')

    assert check_run.execute(context) == "s3://pictures/runs/r"
    assert context["ti"].pushed["weights_etag"] == other
