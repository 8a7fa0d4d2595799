"""Runs a DAG once by Airflow's own `DAG.test`, in a process of its own: run_dag.py DAG_ID CONF_JSON RESULT_PATH."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from botocore.loaders import JSONFileLoader

from tests.aws_models import reading_once

try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.listener import get_listener_manager

    TESTS_MAKE_ASSETS = True
except ImportError:  # The oldest Airflow supported
    from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment]
    from airflow.models.dagbag import DagBag  # type: ignore[no-redef]

    TESTS_MAKE_ASSETS = False


class Errors:
    """Collects what each failed attempt of a task was told."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self.told.append([task_instance.task_id, f"{type(error).__name__}: {error}"])


def make_assets(dag: Any) -> None:
    """As a dag-processor does; there is none here, and a task whose asset Airflow does not know is refused."""
    from airflow.models.asset import AssetActive, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        known = set(session.scalars(select(AssetActive.name)))
        named = {asset.name: asset for task in dag.tasks for asset in (*task.inlets, *task.outlets)}
        for asset in (asset for name, asset in named.items() if name not in known):
            model = AssetModel.from_public(asset)
            session.add(model)
            session.flush()
            session.add(AssetActive.for_asset(model))


def main(arguments: list[str]) -> int:
    dag_id, conf, result_path = arguments
    JSONFileLoader.load_file = reading_once()  # type: ignore[assignment,method-assign]
    errors = Errors()
    get_listener_manager().add_listener(errors)
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if not TESTS_MAKE_ASSETS:
        make_assets(bag.dags[dag_id])
    dag_run = bag.dags[dag_id].test(run_conf=json.loads(conf))
    tasks = {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}
    result = {"run_id": dag_run.run_id, "state": str(dag_run.state), "tasks": tasks, "errors": errors.told}
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
