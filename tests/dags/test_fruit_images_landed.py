"""fruit_images_landed as Airflow's own parser finds it: two tasks, its schedule with and without a queue, its asset."""

import json
from datetime import timedelta
from typing import Any

import pytest

from emr_pipeline.landing.triggers import QueueTrigger
from tests.dags.test_fruit_features import DagSerialization, parse

QUEUE_URL = "https://sqs.eu-west-3.amazonaws.com/123456789012/landing"


def landed() -> Any:
    return parse().dags["fruit_images_landed"]


def test_it_waits_and_then_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    dag = landed()

    assert {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids} == {
        ("wait_until_settled", "signal_new_images")
    }
    assert all(f"**{task.task_id}**" in dag.doc_md for task in dag.tasks)
    assert not dag.catchup
    assert dag.max_active_runs == 1


def test_it_begins_paused_so_that_nobodys_cluster_starts_by_surprise() -> None:
    assert landed().is_paused_upon_creation is True


def test_it_runs_as_often_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_LANDING_EVERY_S", "1234")

    assert landed().schedule == timedelta(seconds=1234)


def test_where_a_queue_is_set_it_is_watched_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_LANDING_QUEUE_URL", QUEUE_URL)
    monkeypatch.setenv("FRUIT_FEATURES_LANDING_EVERY_S", "1234")
    monkeypatch.setenv("FRUIT_FEATURES_LANDING_SETTLE_S", "77")
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "eu-west-3")

    dag = landed()
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    (asset,) = (asset for _, asset in DagSerialization.from_dict(stored).timetable.asset_condition.iter_assets())
    (watcher,) = asset.watchers
    trigger = watcher.trigger

    assert "1234" in str(stored["dag"]["timetable"])
    assert trigger["classpath"] == f"{QueueTrigger.__module__}.{QueueTrigger.__qualname__}"
    made: Any = QueueTrigger(**trigger["kwargs"])
    assert (made.queue_url, made.pause_s) == (QUEUE_URL, 77)
    assert (made.region_name, made.aws_conn_id) == ("eu-west-3", "aws_default")


def test_its_signal_is_the_asset_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_SOURCE_URI", "s3://elsewhere/photos")

    outlets = {task.task_id: [(asset.name, asset.uri) for asset in task.outlets] for task in landed().tasks}

    assert outlets == {"wait_until_settled": [], "signal_new_images": [("fruit_images", "s3://elsewhere/photos")]}


def test_fruit_features_runs_on_that_asset_and_on_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_SOURCE_URI", "s3://elsewhere/photos")

    condition = parse().dags["fruit_features"].timetable.asset_condition

    assert [(asset.name, asset.uri) for asset in condition.objects] == [("fruit_images", "s3://elsewhere/photos")]


def test_it_reaches_aws_as_the_deployment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "eu-west-3")
    monkeypatch.setenv("FRUIT_FEATURES_AWS_CONN_ID", "aws_landing")

    assert {(task.region_name, task.aws_conn_id) for task in landed().tasks} == {("eu-west-3", "aws_landing")}
