"""The task takes readers back, updates the asset, and the run that went on meanwhile does not publish."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.operators.publish import PublishOperator, published_asset
from emr_pipeline.operators.roll_back import RollBackOperator
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.published_runs import latest, make_run, publish_run, read, stage_imagenet


def roll_back(settings: Any, context: Any, snapshot: str, user: str | None = "ana") -> str:
    task = RollBackOperator(task_id="roll_back", settings=settings, region_name="us-east-1")
    run = {"run_id": "manual__back"} | ({"triggering_user_name": user} if user else {})
    asked = {"snapshot": snapshot, "why": None}
    own: Any = {**context, "params": asked, "dag_run": SimpleNamespace(**run)}
    return task.execute(own)


@pytest.mark.parametrize("user", ["ana", None])
def test_the_asset_hears_where_readers_are_and_who_took_them_there(
    settings: Any, s3: Any, context: Any, user: str | None
) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)

    assert roll_back(settings, context, first["snapshot"], user) == latest(s3)["snapshot"] == first["snapshot"]

    extra = context["outlet_events"][published_asset(settings)].extra
    assert (extra["run_uri"], extra["counts"]) == (first["run_uri"], first["counts"])
    assert extra["rollback"]["by"] == user
    assert extra["rollback"]["instead_of"] == second["snapshot"]
    json.dumps(extra)


def test_a_snapshot_that_is_not_there_fails_for_good(settings: Any, s3: Any, context: Any) -> None:
    publish_run(s3, "r1")

    with pytest.raises(AirflowFailException, match="there is no snapshot of this name"):
        roll_back(settings, context, "x")


@pytest.mark.parametrize("began", ["before", "after"])
def test_only_a_run_that_began_before_the_rollback_is_not_published(
    settings: Any, s3: Any, context: Any, began: str
) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    stage_imagenet(s3)
    s3.put_object(Bucket="pictures", Key="landing/apple/1.jpg", Body=b"jpeg")
    check_run = CheckRunOperator(task_id="check_run", settings=settings, region_name="us-east-1")
    if began == "before":
        check_run.execute(context)
    roll_back(settings, context, first["snapshot"])
    if began == "after":
        check_run.execute(context)
    make_run(s3, "r")
    publish = PublishOperator(task_id="publish", settings=settings, code_uri="s3://pictures/code/v1")

    if began == "after":
        publish.execute(context)
        assert (latest(s3)["run"], latest(s3)["previous"]) == ("r", first["snapshot"])
        assert "rollbacks" not in latest(s3)
        assert read(s3, f"published/{first['snapshot']}.json")["rollbacks"][0]["instead_of"] == second["snapshot"]
    else:
        with pytest.raises(AirflowFailException, match=r"taken back while this run went on, from .* by ana in the run"):
            publish.execute(context)
        assert latest(s3)["run"] == "r1"
