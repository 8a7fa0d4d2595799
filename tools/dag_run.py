"""Runs the DAG once, in this process, through Airflow's own `DAG.test`, and writes what happens as lines of JSON.

    python -m tools.dag_run DAG_ID PARAMS_JSON EVENTS_PATH

Started by run_pipeline, in the environment of local_env. Exits 0 if the DAG run succeeded.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.listeners import hookimpl
from airflow.sdk import DAG
from airflow.sdk.listener import get_listener_manager

from tools.local_env import REPOSITORY

Event = dict[str, Any]


class TaskListener:
    """Passes on what Airflow tells about each task instance."""

    def __init__(self, write: Callable[[Event], None]) -> None:
        self.write = write

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        self.write({"task_id": task_instance.task_id, "state": "running"})

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        self.write({"task_id": task_instance.task_id, "state": "success"})

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self.write({"task_id": task_instance.task_id, "state": "failed", "error": str(error)})


def load_dag(dag_id: str, dags_path: Path) -> DAG:
    """The DAG of that id; a RuntimeError carries the errors of files that could not be imported."""
    bag = DagBag(str(dags_path))
    dag = bag.dags.get(dag_id)
    if dag is None:
        raise RuntimeError(f"no DAG {dag_id!r} in {dags_path}; import errors: {bag.import_errors or 'none'}")
    return dag


def main(arguments: list[str]) -> int:
    dag_id, params, events_path = arguments
    with Path(events_path).open("a", encoding="utf-8", buffering=1) as events:

        def write(event: Event) -> None:
            events.write(json.dumps(event) + "\n")

        get_listener_manager().add_listener(TaskListener(write))
        dag_run = load_dag(dag_id, REPOSITORY / "dags").test(run_conf=json.loads(params))
        tasks = {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}
        write({"run_id": dag_run.run_id, "state": str(dag_run.state), "tasks": tasks})
    return 0 if str(dag_run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
