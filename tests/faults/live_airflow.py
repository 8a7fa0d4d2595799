"""One Airflow with all its processes, for the faults that break Airflow itself: started, asked, and killed here."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from tests.faults.airflow_home import FaultHome
from tests.faults.processes import Guard, kill_session, parent_of
from tools.local.home import AIRFLOW_USER, LocalHome, airflow_password

DIRECT = build_opener(ProxyHandler({}))
PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# What notices that somebody died does so in seconds here, in minutes by Airflow's own defaults.
QUICK_AIRFLOW = {
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
    # Airflow 3.0 counts a callback as a reading of the file, and takes a DAG away that was not in the database since.
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "7200",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    # On two cores, with several rows and SQLite, an answer may take longer than the usual five seconds.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
}
# With other rows next to it, a machine of two cores takes minutes to parse a DAG.
START_LIMIT_S = 300


class LiveAirflow:
    """Runs while it is entered; its DAGs lie in a folder of its own, where rows put theirs."""

    def __init__(self, home: FaultHome, environment: dict[str, str]) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{home.airflow_port}"
        self.environment = environment | QUICK_AIRFLOW | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = Guard()

    @property
    def dags_folder(self) -> Path:
        return self.home.folder / "dags"

    def __enter__(self) -> "LiveAirflow":
        self.dags_folder.mkdir()
        try:
            for part in PARTS:
                self.start(part)
            self._wait_until_healthy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in reversed(PARTS):
            if part in self._processes:
                self.kill(part)
        self._guard.close()

    def start(self, part: str) -> None:
        options = ["--skip-serve-logs"] if part in ("scheduler", "triggerer") else []
        with (self.home.folder / f"{part}.log").open("ab") as log:
            self._processes[part] = subprocess.Popen(
                [str(self.home.python), "-m", "airflow", part, *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard.watch(self._processes[part].pid)

    def kill(self, part: str) -> None:
        """At once and with all its children, as a node that is lost takes them along."""
        process = self._processes.pop(part)
        kill_session(process.pid)
        process.wait(60)

    def kill_worker_of(self, dag_id: str, run_id: str, task_id: str) -> None:
        """The process of a task, and first the worker that watches over it, which would tell how it ended."""
        pid = int(self.task(dag_id, run_id, task_id)["pid"])
        for victim in (parent_of(pid), pid):
            os.kill(victim, signal.SIGKILL)

    def wait_for_dag(self, dag_id: str) -> None:
        give_up_at = time.monotonic() + START_LIMIT_S
        while time.monotonic() < give_up_at:
            try:
                if not self.request("GET", f"dags/{dag_id}")["is_paused"]:
                    return
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            time.sleep(0.5)
        raise AssertionError(f"no DAG {dag_id}: {self.request('GET', 'importErrors')}")

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        try:
            self.request("POST", f"dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None, "conf": conf})
        except urllib.error.HTTPError as error:
            # Asked twice: the first answer was lost.
            if error.code != 409:
                raise

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.request("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        self.request("PATCH", f"dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def mark_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        self.request("PATCH", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", {"new_state": state})

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        return self.request("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        return {task["task_id"]: str(task["state"]) for task in self._instances(dag_id, run_id)}

    def tries(self, dag_id: str, run_id: str) -> dict[str, int]:
        return {task["task_id"]: task["try_number"] for task in self._instances(dag_id, run_id)}

    def _instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        answer = self.request("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")
        return list(answer["task_instances"])

    def clear(self, dag_id: str, run_id: str, task_ids: list[str], with_later_ones: bool) -> None:
        """As the UI's *Clear task* does."""
        asked = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": task_ids}
        self.request("POST", f"dags/{dag_id}/clearTaskInstances", asked | {"include_downstream": with_later_ones})

    def errors(self, dag_id: str, run_id: str) -> list[list[str]]:
        """What each failed attempt of a task was told: the exceptions that the tasks' logs end with."""
        folder = Path(self.environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]) / f"dag_id={dag_id}" / f"run_id={run_id}"
        told = []
        for log in sorted(folder.glob("task_id=*/attempt=*.log"), key=lambda path: path.stat().st_mtime):
            task_id = log.parent.name.removeprefix("task_id=")
            told += [[task_id, error] for error in _errors_in(log)]
        return told

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Of Airflow's REST API; asked again while the database is locked or the server is busy."""
        for _ in range(5):
            try:
                return self._request(method, path, body)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                pass
            time.sleep(1)
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = Request(
            f"{self.url}/api/v2/{urllib.parse.quote(path, safe='/?=&')}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        return _answer(request)

    @cached_property
    def _token(self) -> str:
        password = airflow_password(LocalHome(self.home.folder))
        who = json.dumps({"username": AIRFLOW_USER, "password": password}).encode()
        headers = {"Content-Type": "application/json"}
        return str(_answer(Request(f"{self.url}/auth/token", who, headers))["access_token"])

    def _wait_until_healthy(self) -> None:
        give_up_at = time.monotonic() + START_LIMIT_S
        is_healthy: Callable[[dict[str, Any]], bool] = lambda part: part.get("status") == "healthy"  # noqa: E731
        while time.monotonic() < give_up_at:
            try:
                health = self._request("GET", "monitor/health", None)
                if all(is_healthy(health.get(part, {})) for part in ("scheduler", "triggerer", "dag_processor")):
                    return
            except OSError:
                pass
            for part, process in self._processes.items():
                assert process.poll() is None, f"{part} ended: see {self.home.folder / part}.log"
            time.sleep(0.5)
        raise AssertionError(f"Airflow is not healthy after {START_LIMIT_S} s: see the logs in {self.home.folder}")


def _answer(request: Request) -> dict[str, Any]:
    with DIRECT.open(request, timeout=60) as response:
        content = response.read()
    answer: dict[str, Any] = json.loads(content) if content else {}
    return answer


def _errors_in(log: Path) -> list[str]:
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        details = entry.get("error_detail") if isinstance(entry, dict) else None
        if details:
            found.append(f"{details[0]['exc_type']}: {details[0]['exc_value']}")
    return found
