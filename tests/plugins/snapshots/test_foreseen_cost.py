"""Before there is a cluster: what the run will take, from the listing and former runs, and the limit of a person."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.snapshots.rollback import Rollback, roll_back
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.published_runs import BUCKET, freeze_inventory, latest, publish_run, put, stage_imagenet


@pytest.fixture
def check_run(settings: Any, s3: Any) -> CheckRunOperator:
    stage_imagenet(s3)
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"landing/apple/{number}.jpg", Body=b"jpeg")
    return CheckRunOperator(task_id="check_run", settings=settings, region_name="us-east-1")


def forecast(check_run: CheckRunOperator, context: Any, **params: Any) -> str:
    """What a run that may cost nothing is told."""
    context["params"] |= {"max_cost": 0} | params
    with pytest.raises(AirflowFailException) as refusal:
        check_run.execute(context)
    return str(refusal.value)


def published_before(s3: Any, **changed: Any) -> None:
    """A published run of what lies there now, and one more photograph since."""
    publish_run(s3, "before", **changed)
    freeze_inventory(s3, "before")
    s3.put_object(Bucket=BUCKET, Key="landing/apple/new.jpg", Body=b"jpeg")


def test_without_a_former_run_everything_is_computed_at_the_measured_rates(
    check_run: CheckRunOperator, context: Any
) -> None:
    text = forecast(check_run, context)

    assert text.startswith("max_cost=0: for at most 5 vectors of 5 objects, by the rates of docs/costs.md")
    assert re.search(
        r"small: 7 minutes, 0\.09 dollars; medium: 7 minutes, .*cluster_size is small; give a higher", text
    )


@pytest.mark.parametrize(("max_cost", "passes"), [(None, True), (0.2, True), (0.05, False)])
def test_a_run_is_refused_only_above_its_limit(
    check_run: CheckRunOperator, context: Any, max_cost: float | None, passes: bool
) -> None:
    context["params"]["max_cost"] = max_cost
    if passes:
        assert check_run.execute(context) == "s3://pictures/runs/r"
    else:
        with pytest.raises(AirflowFailException, match=r"max_cost=0\.05"):
            check_run.execute(context)


def test_what_the_published_run_has_computed_is_not_computed_again(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    published_before(s3)

    assert "at most 1 vectors of 6 objects" in forecast(check_run, context)
    assert "at most 1 vectors of 6 objects" in forecast(check_run, context, pca_components=7)
    assert "at most 6 vectors of 6 objects" in forecast(check_run, context, resize="bicubic")
    assert "at most 4 vectors of 6 objects" in forecast(check_run, context, sample_limit=4)


def test_a_sample_that_was_published_leaves_everything_to_compute(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    published_before(s3, params=context["params"] | {"sample_limit": 2})

    assert "at most 6 vectors of 6 objects" in forecast(check_run, context)


def test_the_rates_are_those_of_the_published_run_where_the_same_network_ran(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    published_before(s3)
    stats = {"details": {"images_per_second": 40.0, "vectors": {"computed": 4800}}}
    put(s3, "runs/before/stats/featurize_images.json", stats)
    cluster = {"units": {"ON_DEMAND": 3}, "created_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:10:00Z"}
    others = [{"dag_run_id": name} for name in ("another", "one more")]
    entry = cluster | {"dag_run_id": latest(s3)["dag_run_id"]}
    put(s3, "costs/before.json", {"run": "before", "clusters": [*others, entry]})

    assert "by the rates of run before, which computed 4,800 vectors" in forecast(check_run, context)
    assert "small: 9 minutes" in forecast(check_run, context)
    publish_run(s3, "small-one", hour=1)
    freeze_inventory(s3, "small-one")
    assert "by the rates of run before, which computed 4,800 vectors" in forecast(check_run, context)
    assert "by the rates of docs/costs.md" in forecast(
        check_run, context, backbone="vgg16", weights="random:0", pca_components=7
    )


def test_a_listing_that_cannot_be_compared_is_refused_only_with_a_limit(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    publish_run(s3, "before")
    s3.put_object(Bucket=BUCKET, Key="runs/before/inventory.csv.gz", Body=b"no inventory")

    assert "there is no forecast to hold it against" in forecast(check_run, context)
    context["params"]["max_cost"] = None
    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_a_network_that_nobody_has_measured_has_no_forecast_and_is_refused_only_with_a_limit(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    network = {"files": {"n.onnx": "0a" * 32}, "side_px": 64, "channels": "RGB", "mean": 0, "scale": 1}
    put(s3, "nets/n.json", {**network, "output": "o", "dimension": 900})
    s3.put_object(Bucket=BUCKET, Key="nets/n.onnx", Body=b"\x08 a model")
    own = {"backbone": "file", "weights": "s3://pictures/nets/n.json"}

    assert "no forecast to hold it against: nobody has measured the network s3:" in forecast(check_run, context, **own)
    context["params"]["max_cost"] = None
    assert check_run.execute(context) == "s3://pictures/runs/r"


def test_what_a_snapshot_has_computed_from_which_readers_were_taken_back_is_kept(
    check_run: CheckRunOperator, context: Any, s3: Any
) -> None:
    publish_run(s3, "before")
    freeze_inventory(s3, "before")
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"landing/pear/{number}.jpg", Body=b"jpeg")
    bad = publish_run(s3, "bad", hour=1)
    freeze_inventory(s3, "bad")
    roll_back(Published(s3, BUCKET), Rollback(bad["previous"], "manual__back", datetime.now(UTC)))
    s3.put_object(Bucket=BUCKET, Key="landing/pear/new.jpg", Body=b"jpeg")

    assert "at most 1 vectors of 9 objects" in forecast(check_run, context)
    assert "at most 9 vectors of 9 objects" in forecast(check_run, context, resize="bicubic")


def test_the_source_is_listed_once_whatever_is_asked_of_it(check_run: CheckRunOperator, context: Any, s3: Any) -> None:
    published_before(s3)
    s3.put_object(Bucket=BUCKET, Key="own.csv", Body=b"path,label\napple/1.jpg,x\n")
    context["params"] |= {"labels": f"s3://{BUCKET}/own.csv", "label_pattern": r"(?P<label>\w+)/.*"}
    listed: list[str] = []
    client: Any = check_run.hook.conn
    client.meta.events.register(
        "before-call.s3.ListObjectsV2",
        lambda params, **_: listed.append(params["url_path"] + str(params["query_string"])),
    )

    check_run.execute(context)

    # The other one asks whether anything lies there at all.
    assert len([one for one in listed if "landing/" in one and "'max-keys': 1000" in one]) == 1, listed
