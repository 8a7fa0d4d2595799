"""A DAG run made by the Airflow that `make up` started: triggered, watched and ended through its REST API."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from tools.errors import AirflowApiError
from tools.local.home import LocalHome
from tools.local.ports import DIRECT

Event = dict[str, Any]
DAG_ID = "fruit_features"
SETUP, TEARDOWN = "create_cluster", "terminate_cluster"
FINISHED = {"success", "failed"}
ENDED = {*FINISHED, "skipped", "upstream_failed", "removed"}
END_PATIENCE_S = 90


class ScheduledRun:
    """Triggered when it is made; `poll` until it gives an event with `run_id`."""

    def __init__(self, home: LocalHome, run: str, params: dict[str, Any], now: datetime) -> None:
        self.home, self.run_id = home, f"make_run__{run}__{now:%Y%m%d-%H%M%S}"
        self.log_path: Path = home.airflow_path / "logs" / f"dag_id={DAG_ID}" / f"run_id={self.run_id}"
        self._states: dict[str, str] = {}
        body = {"dag_run_id": self.run_id, "logical_date": None, "conf": params}
        self._request("POST", "", body)

    def poll(self) -> list[Event]:
        """What changed since the last call."""
        state = self._state()
        instances = self._instances()
        events = [self._event(instance) for instance in instances if self._has_changed(instance)]
        if state in FINISHED:
            tasks = {instance["task_id"]: instance["state"] for instance in instances}
            events.append({"run_id": self.run_id, "state": state, "tasks": tasks})
        return events

    def end(self) -> None:
        """Mark the run failed, and wait while Airflow runs its teardown, which terminates the cluster."""
        self._request("PATCH", f"/{_quoted(self.run_id)}", {"state": "failed"})
        deadline = time.monotonic() + END_PATIENCE_S
        while self._state() not in FINISHED or not self._is_torn_down():
            if time.monotonic() > deadline:
                raise AirflowApiError(
                    f"the run {self.run_id} is not over {END_PATIENCE_S} s after it was marked failed; "
                    f"look at its task {TEARDOWN} in {self.home.airflow_url}"
                )
            time.sleep(1)

    def _is_torn_down(self) -> bool:
        """Whether the teardown ended; it does not begin at once, and never if there was no cluster."""
        states = {instance["task_id"]: instance["state"] for instance in self._instances()}
        return states[TEARDOWN] in ENDED or states[SETUP] not in FINISHED

    def _instances(self) -> list[dict[str, Any]]:
        answer = self._request("GET", f"/{_quoted(self.run_id)}/taskInstances?limit=100")
        instances: list[dict[str, Any]] = answer["task_instances"]
        return instances

    def _state(self) -> str:
        return str(self._request("GET", f"/{_quoted(self.run_id)}")["state"])

    def _has_changed(self, instance: dict[str, Any]) -> bool:
        task_id, state = instance["task_id"], instance["state"]
        changed = self._states.get(task_id) != state and state in {"running", *FINISHED}
        self._states[task_id] = state
        return changed

    def _event(self, instance: dict[str, Any]) -> Event:
        event = {"task_id": instance["task_id"], "state": instance["state"]}
        return event | ({"error": self._error(instance)} if instance["state"] == "failed" else {})

    def _error(self, instance: dict[str, Any]) -> str:
        """The message of the exception that the task's log ends with."""
        path = f"/{_quoted(self.run_id)}/taskInstances/{_quoted(instance['task_id'])}/logs/{instance['try_number']}"
        entries = self._request("GET", f"{path}?full_content=true")["content"]
        details = [entry["error_detail"] for entry in entries if isinstance(entry, dict) and entry.get("error_detail")]
        if details:
            return str(details[-1][0]["exc_value"])
        return f"see its log in {self.home.airflow_url}"

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self.home.airflow_url}/api/v2/dags/{DAG_ID}/dagRuns{path}"
        request = urllib.request.Request(
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        try:
            with DIRECT.open(request, timeout=30) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            reason = error.read().decode("utf-8", errors="replace")
            raise AirflowApiError(f"{method} {url}: {error.code} {reason}") from error
        except urllib.error.URLError as error:
            raise AirflowApiError(f"{method} {url}: {error.reason}; is it up? make down, then make up") from error


def _quoted(part: str) -> str:
    return urllib.parse.quote(part, safe="")
