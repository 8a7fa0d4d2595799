"""The DAG as Airflow's own parser finds it: exactly these tasks, exactly these arrows, and nothing reached for."""

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from airflow.sdk import DAG

try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.exceptions import ParamValidationError
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:  # The oldest Airflow supported
    from airflow.exceptions import ParamValidationError
    from airflow.models.dagbag import DagBag  # type: ignore[no-redef]
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization  # type: ignore

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("ingest_images", "featurize_images", "reduce_features", "validate_run")


def parse() -> Any:
    # An absolute folder: a DagBag of a folder that is not there is empty, and every loop over it passes.
    return DagBag(dag_folder=str(ROOT / "dags"))


@pytest.fixture(scope="module")
def dag() -> DAG:
    dag: DAG = parse().dags["fruit_features"]
    return dag


def test_the_folder_holds_exactly_these_dags_and_no_import_error() -> None:
    bag = parse()

    assert bag.import_errors == {}
    assert set(bag.dags) == {
        "fruit_features",
        "fruit_features_reaper",
        "fruit_features_rollback",
        "fruit_images_landed",
    }


def test_the_dag_has_exactly_these_tasks_and_arrows(dag: DAG) -> None:
    arrows = {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids}
    in_stages = {(f"{stage}.add_step", f"{stage}.wait_for_step") for stage in STAGES}
    between_stages = {(f"{one}.wait_for_step", f"{next_one}.add_step") for one, next_one in itertools.pairwise(STAGES)}

    assert arrows == in_stages | between_stages | {
        ("check_run", "stage_code"),
        ("stage_code", "create_cluster"),
        ("create_cluster", "ingest_images.add_step"),
        ("validate_run.wait_for_step", "publish"),
        ("validate_run.wait_for_step", "terminate_cluster"),
        ("create_cluster", "terminate_cluster"),
        ("publish", "remove_old_runs"),
    }
    assert {task.task_id for task in dag.tasks} == {task_id for arrow in arrows for task_id in arrow}


def test_the_cluster_is_torn_down_and_a_failed_teardown_fails_the_run(dag: DAG) -> None:
    create, terminate = dag.get_task("create_cluster"), dag.get_task("terminate_cluster")

    assert create.is_setup
    assert terminate.is_teardown
    assert terminate.on_failure_fail_dagrun
    assert terminate.trigger_rule == "all_done_setup_success"


def test_what_cannot_be_removed_is_red_by_itself_and_not_the_run(dag: DAG) -> None:
    remove = dag.get_task("remove_old_runs")

    assert remove.is_teardown
    assert not remove.on_failure_fail_dagrun
    assert not [task for task in remove.upstream_list if task.is_setup]


def test_clearing_publish_needs_no_cluster(dag: DAG) -> None:
    part = dag.partial_subset(["publish"], include_downstream=True, include_upstream=False)

    assert set(part.task_ids) == {"publish", "remove_old_runs"}


def test_clearing_a_stage_brings_a_new_cluster_and_its_end(dag: DAG) -> None:
    part = dag.partial_subset(["featurize_images.wait_for_step"], include_downstream=False, include_upstream=False)

    assert {"create_cluster", "terminate_cluster"} <= set(part.task_ids)


def test_every_wait_is_deferred_and_lasts_as_long_as_its_stage_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_STAGE_TIME_LIMIT_S", "7000")
    monkeypatch.setenv("FRUIT_FEATURES_FEATURIZE_IMAGES_TIME_LIMIT_S", "90000")

    waits = {stage: parse().dags["fruit_features"].get_task(f"{stage}.wait_for_step") for stage in STAGES}

    assert all(wait.deferrable for wait in waits.values())
    assert {stage: wait.limit_s for stage, wait in waits.items()} == {
        "ingest_images": 7000,
        "featurize_images": 90000,
        "reduce_features": 7000,
        "validate_run": 7000,
    }


def test_every_task_knows_its_region_and_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "eu-west-3")
    monkeypatch.setenv("FRUIT_FEATURES_AWS_CONN_ID", "aws_emr")

    tasks = parse().dags["fruit_features"].tasks

    assert {(task.region_name, task.aws_conn_id) for task in tasks} == {("eu-west-3", "aws_emr")}


def test_the_form_has_these_fields_with_valid_defaults_and_help(dag: DAG) -> None:
    assert set(dag.params) == {
        "source_uri",
        "unknown_labels",
        "run",
        "backbone",
        "weights",
        "resize",
        "engine",
        "precision",
        "pca_components",
        "explained_variance",
        "formats",
        "sample_limit",
        "label_pattern",
        "labels",
        "duplicate_likeness",
        "groups_from",
        "licence",
        "max_reject_share",
        "reduce",
        "refit_share",
        "refit_drift",
        "force",
        "cluster_size",
        "max_cost",
        "wanted_minutes",
    }
    dag.params.validate()
    for name in dag.params:
        schema = dag.params.get_param(name).schema
        assert schema["title"] and schema["section"], name
        assert dag.params.get_param(name).description, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_uri", "landing/"),
        ("run", "../other"),
        ("backbone", "resnet18"),
        ("weights", "random:x"),
        ("pca_components", 0),
        ("pca_components", 2049),
        ("explained_variance", 0),
        ("explained_variance", 1.01),
        ("formats", ["csv"]),
        ("formats", ["parquet", "xlsx"]),
        ("sample_limit", 0),
        ("max_reject_share", -0.1),
        ("cluster_size", "huge"),
        ("reduce", "both"),
        ("refit_share", 1.1),
        ("refit_drift", -0.1),
        ("force", "yes"),
    ],
)
def test_the_form_refuses(dag: DAG, name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_uri", "s3://bucket"),
        ("source_uri", "s3://bucket/a b/é%+#/"),
        ("run", None),
        ("run", "fruits-2026.11"),
        ("weights", "random:7"),
        ("weights", "s3://bucket/models/own.h5"),
        ("pca_components", None),
        ("explained_variance", 1),
        ("formats", ["parquet", "csv"]),
        ("sample_limit", 1),
        ("reduce", "auto"),
        ("refit_share", 0),
        ("refit_drift", 1),
        ("force", True),
    ],
)
def test_the_form_takes(dag: DAG, name: str, value: Any) -> None:
    assert dag.params.get_param(name).resolve(value) == value


def test_the_dag_explains_every_task_in_its_documentation(dag: DAG) -> None:
    groups = {task.task_id.split(".")[0] for task in dag.tasks}

    assert dag.doc_md
    assert all(f"**{group}**" in dag.doc_md for group in groups)


def test_runs_are_asked_for_by_people_or_by_new_photographs_and_never_made_up(dag: DAG) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    condition: Any = dag.timetable.asset_condition
    assert [asset.name for asset in condition.objects] == ["fruit_images"]


def test_publish_alone_has_assets_the_photographs_go_in_and_the_features_come_out(dag: DAG) -> None:
    outlets = {task.task_id: [(asset.name, asset.uri) for asset in task.outlets] for task in dag.tasks if task.outlets}

    assert outlets == {"publish": [("fruit_features", "s3://fruit-features/published/latest.json")]}
    inlets = {task.task_id: [(asset.name, asset.uri) for asset in task.inlets] for task in dag.tasks if task.inlets}
    assert inlets == {"publish": [("fruit_images", "s3://fruit-features/landing")]}


def test_the_web_server_shows_our_links_without_any_class_of_ours(dag: DAG) -> None:
    """Airflow stores a link as a name and an XCom key, so that no plugin needs to be registered."""
    stored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    links = {link.name: link.xcom_key for link in stored.get_task("publish").operator_extra_links}
    of_a_wait = {link.name for link in stored.get_task("validate_run.wait_for_step").operator_extra_links}

    assert set(links) == {"Report", "Explorer", "Data in S3"}
    assert links["Explorer"] == "_link_ExplorerLink"
    assert of_a_wait == {"EMR Cluster", "EMR Cluster Logs", "Report", "Explorer", "Data in S3"}


def test_parsing_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a socket was opened while parsing")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)

    assert parse().import_errors == {}


def test_a_setting_that_is_nonsense_is_named_where_the_dag_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_POLL_S", "soon")

    errors = parse().import_errors

    assert any("FRUIT_FEATURES_POLL_S='soon'" in message for message in errors.values())


@pytest.mark.slow
def test_the_dag_adds_little_to_what_airflow_takes_to_import() -> None:
    """Its own modules only, after Airflow and the provider: 0.1 s; a second leaves room for a slow machine."""
    program = (
        "import time, airflow.providers.amazon.aws.operators.emr, airflow.providers.amazon.aws.sensors.emr\n"
        "import airflow.providers.amazon.aws.hooks.s3, airflow.providers.amazon.aws.links.emr\n"
        "started = time.process_time(); import fruit_features; print('took', time.process_time() - started)\n"
        "import sys; print('heavy', {'numpy', 'pandas', 'pyspark', 'tensorflow'} & set(sys.modules))"
    )
    path = os.pathsep.join([str(ROOT / "dags"), str(ROOT / "plugins")])
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("took ", "heavy ")))

    assert done.returncode == 0, done.stderr
    assert float(said["took"]) < 1
    assert said["heavy"] == "set()"
