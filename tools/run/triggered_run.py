"""A DAG run in this machine's Airflow: triggered, followed and ended through its REST API."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tools.errors import AirflowApiError
from tools.local.airflow_api import DAG_ID, MADE_HERE, mark_failed, request, run_path, runs_path, unfinished_runs
from tools.local.airflow_processes import raise_if_airflow_died
from tools.local.home import LocalHome

SETUP, TEARDOWN = "create_cluster", "terminate_cluster"
FINISHED = {"success", "failed"}
ENDED = {*FINISHED, "skipped", "upstream_failed", "removed"}
# A deferred task runs as far as a person is concerned.
SHOWN_STATES = {"running": "running", "deferred": "running", "success": "success", "failed": "failed"}
END_PATIENCE_S = 90


@dataclass(frozen=True)
class Outcome:
    """How a DAG run ended: its state, the tasks' states, and the last error of each task that failed."""

    state: str
    tasks: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


class TriggeredRun:
    """One DAG run, which `trigger` begins and `end` stops before its time."""

    def __init__(self, home: LocalHome, run: str, now: datetime, dag_id: str = DAG_ID) -> None:
        self.home, self.dag_id, self.run_id = home, dag_id, f"{MADE_HERE}{run}__{now:%Y%m%d-%H%M%S}"
        self.logs_path = home.airflow_path / "logs" / f"dag_id={dag_id}" / f"run_id={self.run_id}"
        self.outcome: Outcome | None = None
        self._states: dict[str, str] = {}

    def trigger(self, params: dict[str, Any]) -> None:
        body = {"dag_run_id": self.run_id, "logical_date": None, "conf": params}
        request(self.home, "POST", runs_path(self.dag_id), body)

    def poll(self) -> dict[str, str]:
        """Return the tasks that began, succeeded or failed since the last call; set `outcome` when the run is over.

        Raises: ServiceNotHealthyError if a process of Airflow ended, for then the run would never be over.
        """
        raise_if_airflow_died(self.home)
        state = self._state()
        instances = self._instances()
        if state in FINISHED:
            tasks = {instance["task_id"]: str(instance["state"]) for instance in instances}
            failed = [instance for instance in instances if instance["state"] == "failed"]
            self.outcome = Outcome(state, tasks, {instance["task_id"]: self._error(instance) for instance in failed})
        states = {instance["task_id"]: SHOWN_STATES.get(instance["state"]) for instance in instances}
        changes = {task: state for task, state in states.items() if state and self._states.get(task) != state}
        self._states |= changes
        return changes

    def waits_for(self) -> str | None:
        """Return the id of the run that has to end before this one begins; None if this one runs."""
        ids = [str(run["dag_run_id"]) for run in unfinished_runs(self.home, self.dag_id) if run["state"] == "running"]
        return None if not ids or self.run_id in ids else ids[0]

    def end(self) -> None:
        """Mark the run failed, and wait while Airflow runs its teardown, which terminates the cluster."""
        mark_failed(self.home, self.run_id, self.dag_id)
        deadline = time.monotonic() + END_PATIENCE_S
        while self._state() not in FINISHED or not self._is_torn_down():
            raise_if_airflow_died(self.home)
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"the run {self.run_id} is not over {END_PATIENCE_S} s after it was marked failed; "
                    f"look at its task {TEARDOWN} in {self.home.airflow_url}"
                )
            time.sleep(0.5)

    def _is_torn_down(self) -> bool:
        """Whether the teardown ended; it does not begin at once, and never if there is none or was no cluster."""
        states = {instance["task_id"]: instance["state"] for instance in self._instances()}
        return TEARDOWN not in states or states[TEARDOWN] in ENDED or states[SETUP] not in FINISHED

    def _instances(self) -> list[Any]:
        path = f"{run_path(self.run_id, self.dag_id)}/taskInstances?limit=100"
        return list(request(self.home, "GET", path)["task_instances"])

    def _state(self) -> str:
        return str(request(self.home, "GET", run_path(self.run_id, self.dag_id))["state"])

    def _error(self, instance: dict[str, Any]) -> str:
        log_path = self.logs_path / f"task_id={instance['task_id']}" / f"attempt={instance['try_number']}.log"
        ui_url = f"{self.home.airflow_url}/dags/{self.dag_id}/runs/{quote(self.run_id)}"
        return last_error(log_path) or f"see its log, {log_path}, or {ui_url}"


def last_error(log_path: Path) -> str | None:
    """Return the message of the last exception in a task's log, which has a JSON object on each line."""
    if not log_path.exists():
        return None
    for line in reversed(log_path.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            details = json.loads(line).get("error_detail")
        except (ValueError, AttributeError):
            continue
        if details:
            return str(details[0]["exc_value"])
    return None
