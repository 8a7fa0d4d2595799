"""Runs the DAG once, in this process, through Airflow's own `DAG.test`, and writes what happens as lines of JSON.

    python -m tools.run.dag_run DAG_ID PARAMS_JSON EVENTS_PATH LOG_PATH

Started by run_pipeline, in the environment of local_env, with its output in LOG_PATH. Exits 0 if the DAG run succeeded.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.listeners import hookimpl
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.sdk.listener import get_listener_manager

from tools.local.home import REPOSITORY

Event = dict[str, Any]


class TaskListener:
    """Passes on what Airflow tells about each task instance, and keeps its log where Airflow's UI looks for it.

    `DAG.test` logs to this process's output alone, which is a file: what was written to it while a task ran is its log.
    """

    def __init__(self, write: Callable[[Event], None], log_path: Path, task_logs_path: Path) -> None:
        self.write, self.log_path, self.task_logs_path = write, log_path, task_logs_path
        self.begins: dict[Path, int] = {}

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        # A deferred task begins more than once.
        self.begins.setdefault(self._task_log(task_instance), self.log_path.stat().st_size)
        self.write({"task_id": task_instance.task_id, "state": "running"})

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        self._keep_log(task_instance)
        self.write({"task_id": task_instance.task_id, "state": "success"})

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self._keep_log(task_instance, f"{type(error).__name__}: {error}\n")
        self.write({"task_id": task_instance.task_id, "state": "failed", "error": str(error)})

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        self._keep_log(task_instance)
        self.write({"task_id": task_instance.task_id, "state": "skipped"})

    def _keep_log(self, task_instance: Any, last_line: str = "") -> None:
        sys.stdout.flush()
        task_log = self._task_log(task_instance)
        task_log.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("rb") as log:
            log.seek(self.begins.pop(task_log, 0))
            task_log.write_bytes(log.read() + last_line.encode())

    def _task_log(self, task_instance: Any) -> Path:
        """As `[logging] log_filename_template` has it by default."""
        folder = self.task_logs_path / f"dag_id={task_instance.dag_id}" / f"run_id={task_instance.run_id}"
        return folder / f"task_id={task_instance.task_id}" / f"attempt={task_instance.try_number}.log"


def load_dag(dag_id: str, dags_path: Path) -> DAG:
    """The DAG of that id; a RuntimeError carries the errors of files that could not be imported."""
    bag = DagBag(str(dags_path))
    dag = bag.dags.get(dag_id)
    if dag is None:
        raise RuntimeError(f"no DAG {dag_id!r} in {dags_path}; import errors: {bag.import_errors or 'none'}")
    return dag


def main(arguments: list[str]) -> int:
    dag_id, params, events_path, log_path = arguments
    with Path(events_path).open("a", encoding="utf-8", buffering=1) as events:

        def write(event: Event) -> None:
            events.write(json.dumps(event) + "\n")

        get_listener_manager().add_listener(
            TaskListener(write, Path(log_path), Path(conf.get("logging", "base_log_folder")))
        )
        try:
            dag_run = load_dag(dag_id, REPOSITORY / "dags").test(run_conf=json.loads(params))
        except ParamValidationError as error:
            # The first line names the param and what is wrong with it; the others print the JSON schema.
            write({"run_id": None, "state": "failed", "tasks": {}, "refused": str(error).partition("\n")[0]})
            return 1
        tasks = {instance.task_id: str(instance.state) for instance in dag_run.get_task_instances()}
        write({"run_id": dag_run.run_id, "state": str(dag_run.state), "tasks": tasks})
    return 0 if str(dag_run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
