"""What is refused before a cluster exists, in one clear error that is not retried."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.published_runs import stage_imagenet


@pytest.fixture
def check_run(settings: Any, s3: Any) -> CheckRunOperator:
    stage_imagenet(s3)
    s3.put_object(Bucket="pictures", Key="landing/apple/1.jpg", Body=b"jpeg")
    s3.put_object(Bucket="pictures", Key="models/own.h5", Body=b"weights")
    s3.put_object(Bucket="pictures", Key="empty/", Body=b"")
    return CheckRunOperator(task_id="check_run", settings=settings)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"source_uri": "s3://pictures/landing/"},
        {"weights": "s3://pictures/models/own.h5"},
    ],
)
def test_a_run_that_can_work_passes(check_run: CheckRunOperator, context: Any, changed: dict[str, Any]) -> None:
    context["params"] |= changed

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_the_log_says_what_was_found_and_what_nobody_has_asked(
    check_run: CheckRunOperator, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(check_run.log, "info", lambda text, *values: logged.append(text % values))

    check_run.execute(context)

    found = [line.removeprefix("ok: ") for line in logged if line.startswith("ok: ")]
    source = context["params"]["source_uri"]
    assert found == ["bucket s3://pictures", f"photographs under {source}", "weights imagenet"]
    assert any("`make preflight` asks" in line for line in logged)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"groups_from": "s3://pictures/runs/gone/groups"}, "s3://pictures/runs/gone/groups: nothing lies there"),
        ({"groups_from": "s3://no-such-bucket/groups"}, "s3://no-such-bucket/groups: nothing lies there"),
        ({"source_uri": "s3://pictures/land"}, "s3://pictures/land: nothing lies there"),
        ({"source_uri": "s3://pictures/empty"}, "s3://pictures/empty: nothing lies there"),
        ({"source_uri": "s3://pictures"}, "source_uri=s3://pictures: runs write there"),
        ({"source_uri": "s3://pictures/runs/r/images"}, "source_uri=s3://pictures/runs/r/images: runs write there"),
        ({"source_uri": "s3://no-such-bucket/x"}, "bucket s3://no-such-bucket does not exist"),
        ({"weights": "s3://pictures/models/other.h5"}, "weights=s3://pictures/models/other.h5: no such object"),
        ({"weights": "s3://no-such-bucket/w.h5"}, "weights=s3://no-such-bucket/w.h5: no such object"),
        ({"pca_components": 1281}, "give at most 1280"),
    ],
)
def test_a_run_that_cannot_work_fails_for_good(
    check_run: CheckRunOperator, context: Any, changed: dict[str, Any], message: str
) -> None:
    context["params"] |= changed

    with pytest.raises(AirflowFailException) as refusal:
        check_run.execute(context)

    assert message in str(refusal.value)


def test_a_bucket_of_ones_own_that_is_not_there_is_named_with_its_setting(s3: Any, context: Any) -> None:
    from emr_pipeline.settings import Settings

    settings = Settings.from_environment({"FRUIT_FEATURES_BUCKET": "no-such-bucket"})

    with pytest.raises(AirflowFailException, match=r"s3://no-such-bucket does not exist.*FRUIT_FEATURES_BUCKET"):
        CheckRunOperator(task_id="check_run", settings=settings).execute(context)


def put_labels(s3: Any, text: str) -> dict[str, Any]:
    s3.put_object(Bucket="pictures", Key="labels/own.csv", Body=text.encode())
    return {"labels": "s3://pictures/labels/own.csv"}


def test_what_ten_paths_become_stands_in_the_log(
    check_run: CheckRunOperator, context: Any, s3: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        s3.put_object(Bucket="pictures", Key=f"landing/Test/fig/{number:03d}.jpg", Body=b"jpeg")
    s3.put_object(Bucket="pictures", Key="landing/RECYCLER/fig/000.jpg", Body=b"in no split, but ignored")
    context["params"] |= {"label_pattern": r"(?P<split>\w+)/(?P<label>\w+)/.*"}
    context["params"] |= put_labels(s3, "path,label,exclude\nTest/fig/010.jpg,date,\nTest/fig/000.jpg,,yes\n")
    with caplog.at_level("INFO", "emr_pipeline.s3.labels"):
        check_run.execute(context)
    lines = [record.getMessage() for record in caplog.records if record.name == "emr_pipeline.s3.labels"]
    assert len(lines) == 10
    assert lines[0] == "Test/fig/000.jpg: excluded by the labels file"
    assert lines[1] == "Test/fig/011.jpg: label 'fig', split 'Test', group None"
    assert context["ti"].pushed["labels_etag"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label\napple/1.jpg,x\napple/2.jpg,y\n",
            "1 paths are not below s3://pictures/landing, the first of them",
        ),
        ("path,split\napple/1.jpg,dev\n", "line 2, path 'apple/1.jpg': the split 'dev' is unknown"),
        ("path,label\napple/1.jpg,x\napple/1.jpg,x\n", "line 3, path 'apple/1.jpg': the path stands there twice"),
        ("name\n", "path must be there"),
    ],
)
def test_a_labels_file_that_cannot_be_used_is_refused_before_a_cluster(
    check_run: CheckRunOperator, context: Any, s3: Any, text: str, message: str
) -> None:
    context["params"] |= put_labels(s3, text)
    with pytest.raises(AirflowFailException) as refusal:
        check_run.execute(context)
    assert str(refusal.value).startswith("labels=s3://pictures/labels/own.csv: ")
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label_pattern": "(?P<label>"}, "is no regular expression"),
        ({"label_pattern": r"(?P<label>\d+)/.*"}, "gives no path below s3://pictures/landing a label"),
        ({"label_pattern": "(?P<split>.*)/(?P<label>.*)"}, "the split 'apple' is unknown"),
        ({"labels": "s3://pictures/labels/none.csv"}, "labels=s3://pictures/labels/none.csv: no such object"),
        ({"labels": "labels.csv"}, "give s3://bucket/key"),
    ],
)
def test_labels_that_cannot_work_are_refused_before_a_cluster(
    check_run: CheckRunOperator, context: Any, changed: dict[str, Any], message: str
) -> None:
    context["params"] |= changed
    with pytest.raises(AirflowFailException) as refusal:
        check_run.execute(context)
    assert message in str(refusal.value)


def test_an_error_that_is_not_about_the_input_stays_what_it_is_and_is_retried(
    check_run: CheckRunOperator, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def deny(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "HeadBucket")

    monkeypatch.setattr(check_run.hook.conn, "head_bucket", deny)

    with pytest.raises(ClientError, match="SlowDown"):
        check_run.execute(context)


@pytest.mark.parametrize("dag_run_id", ["another", "manual__2026-11-20T16:00:00+00:00"])
def test_a_run_never_writes_over_what_is_published(
    check_run: CheckRunOperator, context: Any, s3: Any, dag_run_id: str
) -> None:
    published = {"snapshot": "s", "run_uri": "s3://pictures/runs/r", "dag_run_id": dag_run_id}
    s3.put_object(Bucket="pictures", Key="published/latest.json", Body=json.dumps(published).encode())

    with pytest.raises(AirflowFailException, match="s3://pictures/runs/r is published as snapshot s"):
        check_run.execute(context)


def test_a_run_may_lie_next_to_what_is_published(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    published = {"snapshot": "s", "run_uri": "s3://pictures/runs/other"}
    s3.put_object(Bucket="pictures", Key="published/latest.json", Body=json.dumps(published).encode())

    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_a_run_never_writes_over_a_kept_one(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    kept = {"snapshot": "old", "run_uri": "s3://pictures/runs/r", "dag_run_id": "another"}
    s3.put_object(Bucket="pictures", Key="published/old.json", Body=json.dumps(kept).encode())

    with pytest.raises(AirflowFailException, match="s3://pictures/runs/r is published as snapshot old"):
        check_run.execute(context)


def test_a_projection_without_a_published_model_is_refused(check_run: CheckRunOperator, context: Any) -> None:
    context["params"] |= {"reduce": "project"}

    with pytest.raises(AirflowFailException, match="give refit or auto"):
        check_run.execute(context)


@pytest.mark.parametrize(
    ("changed", "request_name", "parameter"),
    [
        ({"source_uri": "s3://pictures/landing"}, "ListObjectsV2", "SourceBucketName"),
        ({"weights": "s3://pictures/models/own.h5"}, "HeadObject", "WeightsBucketName"),
    ],
)
def test_what_the_role_may_not_look_at_is_refused_with_the_parameter_of_the_stack(
    check_run: CheckRunOperator, context: Any, changed: dict[str, Any], request_name: str, parameter: str
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, request_name)

    client: Any = check_run.hook.conn
    client.meta.events.register(f"before-call.s3.{request_name}", refuse)
    context["params"] |= changed

    with pytest.raises(AirflowFailException, match=f"may not look there.*{parameter}"):
        check_run.execute(context)
