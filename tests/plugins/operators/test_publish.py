"""One conditional write: the old snapshot or the new one, whole, whoever else publishes."""

import json
from typing import Any

import pytest

from emr_pipeline.operators.publish import PublishOperator, published_asset
from emr_pipeline.run.stages import STAGES
from emr_pipeline.s3.objects import OvertakenError
from emr_pipeline.task.airflow_compat import AirflowFailException

POINTER = {"Bucket": "pictures", "Key": "published/latest.json"}


def put(s3: Any, key: str, content: Any) -> None:
    s3.put_object(Bucket="pictures", Key=key, Body=json.dumps(content).encode())


def published(s3: Any) -> Any:
    return json.loads(s3.get_object(**POINTER)["Body"].read())


def kept(s3: Any, snapshot: str) -> Any:
    return json.loads(s3.get_object(Bucket="pictures", Key=f"published/{snapshot}.json")["Body"].read())


def of_the_pointer(request: dict[str, Any]) -> bool:
    return bool(request["Key"] == POINTER["Key"])


def audit(s3: Any, run: str, verdict: str = "passed") -> None:
    put(s3, f"runs/{run}/report/validation.json", {"verdict": verdict, "checks": [], "summary": {"images": 9}})
    for stage in STAGES:
        put(s3, f"runs/{run}/stats/{stage.name}.json", {"rows_in": 10, "rows_out": 9, "rejects": {"empty_object": 1}})


def context_of(context: Any, run: str) -> Any:
    return {**context, "params": {**context["params"], "run": run}}


@pytest.fixture
def publish(settings: Any, s3: Any) -> PublishOperator:
    audit(s3, "r")
    return PublishOperator(
        task_id="publish", settings=settings, code_uri="s3://pictures/code/v1", region_name="us-east-1"
    )


def test_a_run_that_passed_is_published(publish: PublishOperator, s3: Any, context: Any) -> None:
    snapshot = publish.execute(context)

    assert published(s3)["snapshot"] == snapshot
    assert published(s3)["features_uri"] == "s3://pictures/runs/r/features"
    assert published(s3)["counts"]["ingest_images"] == {"rows_in": 10, "rows_out": 9, "rejects": {"empty_object": 1}}
    assert published(s3)["previous"] is None
    assert (published(s3)["code_version"], published(s3)["weights_etag"]) == ("v1", None)
    assert kept(s3, snapshot) == published(s3)
    card = s3.get_object(Bucket="pictures", Key=f"published/{snapshot}/README.md")["Body"].read().decode()
    assert f"Snapshot `{snapshot}`" in card and "9 photographs" in card


def test_the_next_run_takes_its_place_and_names_it(publish: PublishOperator, s3: Any, context: Any) -> None:
    first = publish.execute(context)
    audit(s3, "r2")
    second = publish.execute(context_of(context, "r2"))

    assert published(s3)["run"] == "r2"
    assert published(s3)["snapshot"] == second
    assert published(s3)["previous"] == first
    assert (kept(s3, first)["run"], kept(s3, second)["previous"]) == ("r", first)


def test_publishing_twice_changes_nothing(publish: PublishOperator, s3: Any, context: Any) -> None:
    audit(s3, "r0")
    publish.execute(context_of(context, "r0"))
    publish.execute(context)
    before = s3.get_object(**POINTER)

    publish.execute(context)

    assert s3.get_object(**POINTER)["LastModified"] == before["LastModified"]
    assert json.loads(before["Body"].read()) == published(s3)


def test_the_asset_hears_what_is_in_the_snapshot(publish: PublishOperator, settings: Any, context: Any) -> None:
    snapshot = publish.execute(context)

    extra = context["outlet_events"][published_asset(settings)].extra
    assert extra["snapshot"] == snapshot
    assert extra["run_uri"] == "s3://pictures/runs/r"
    assert extra["counts"]["validate_run"]["rows_out"] == 9
    json.dumps(extra)


@pytest.mark.parametrize("spoil", ["verdict", "report", "stats"])
def test_a_refused_run_leaves_what_is_published_untouched(
    publish: PublishOperator, s3: Any, context: Any, spoil: str
) -> None:
    publish.execute(context)
    before = s3.get_object(**POINTER)["Body"].read()
    audit(s3, "bad", verdict="failed" if spoil == "verdict" else "passed")
    if spoil == "report":
        s3.delete_object(Bucket="pictures", Key="runs/bad/report/validation.json")
    if spoil == "stats":
        s3.delete_object(Bucket="pictures", Key="runs/bad/stats/featurize_images.json")

    with pytest.raises(AirflowFailException, match="s3://pictures/runs/bad"):
        publish.execute(context_of(context, "bad"))

    assert s3.get_object(**POINTER)["Body"].read() == before


@pytest.mark.parametrize("there_is_one", [True, False])
def test_of_two_that_publish_at_once_the_later_follows_the_earlier(
    publish: PublishOperator, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, there_is_one: bool
) -> None:
    if there_is_one:
        audit(s3, "r0")
        publish.execute(context_of(context, "r0"))
    client: Any = publish.hook.conn
    put_object, writes = client.put_object, []

    def overtaken_once(**request: Any) -> Any:
        writes.extend([request] * of_the_pointer(request))
        if of_the_pointer(request) and len(writes) == 1:
            # Between our read and our write, the other run.
            put(s3, "published/latest.json", {"snapshot": "the other run's"})
        return put_object(**request)

    monkeypatch.setattr(client, "put_object", overtaken_once)
    snapshot = publish.execute(context)

    assert len(writes) == 2
    assert published(s3)["snapshot"] == snapshot
    assert published(s3)["previous"] == "the other run's"
    assert kept(s3, snapshot) == published(s3)


def test_one_that_is_always_overtaken_gives_up_without_writing(
    publish: PublishOperator, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = publish.hook.conn
    put_object, writes = client.put_object, []

    def overtaken(**request: Any) -> Any:
        if of_the_pointer(request):
            writes.append(request)
            put(s3, "published/latest.json", {"snapshot": f"other {len(writes)}"})
        return put_object(**request)

    monkeypatch.setattr(client, "put_object", overtaken)

    with pytest.raises(OvertakenError, match="others were first 5 times in a row"):
        publish.execute(context)
    assert published(s3) == {"snapshot": "other 5"}


def test_a_crash_before_the_pointer_leaves_what_readers_see_and_is_repeated(
    publish: PublishOperator, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish.execute(context)
    audit(s3, "r2")
    client: Any = publish.hook.conn
    put_object = client.put_object

    def crash(**request: Any) -> Any:
        if of_the_pointer(request):
            raise RuntimeError("killed")
        return put_object(**request)

    with monkeypatch.context() as broken, pytest.raises(RuntimeError, match="killed"):
        broken.setattr(client, "put_object", crash)
        publish.execute(context_of(context, "r2"))
    assert published(s3)["snapshot"] == first

    second = publish.execute(context_of(context, "r2"))
    assert published(s3) == kept(s3, second)
    assert published(s3)["previous"] == first


def test_what_was_published_before_snapshots_had_documents_gets_one(
    publish: PublishOperator, s3: Any, context: Any
) -> None:
    old = {"schema_version": 1, "snapshot": "old", "run": "o", "run_uri": "s3://pictures/runs/o"}
    put(s3, "published/latest.json", old)

    publish.execute(context)

    assert kept(s3, "old") == old
    assert published(s3)["previous"] == "old"
