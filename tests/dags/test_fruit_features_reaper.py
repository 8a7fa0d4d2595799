"""The reaper as Airflow's own parser finds it: one task, on the settings' schedule, never two at once."""

from datetime import timedelta

import pytest

from tests.dags.test_fruit_features import parse


def test_it_has_one_task_runs_as_often_as_the_settings_say_and_makes_up_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_REAPER_EVERY_S", "1234")

    dag = parse().dags["fruit_features_reaper"]

    assert dag.task_ids == ["end_orphaned_clusters"]
    assert dag.schedule == timedelta(seconds=1234)
    assert not dag.catchup
    assert dag.max_active_runs == 1
    assert dag.doc_md


def test_it_reaches_aws_as_the_deployment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "eu-west-3")

    task = parse().dags["fruit_features_reaper"].get_task("end_orphaned_clusters")

    assert task.region_name == "eu-west-3"
