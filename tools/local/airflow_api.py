"""Airflow's REST API, as far as it is about the DAGs that are triggered here."""

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tools.errors import AirflowApiError, DagImportError, DagPausedError, RunRefusedError
from tools.local.airflow_processes import START_LIMIT_S, raise_if_airflow_died
from tools.local.home import AIRFLOW_USER, LocalHome, airflow_password
from tools.local.ports import CLIENT, LOOK_EVERY_S
from tools.local.processes import find_background

DAG_ID = "fruit_features"
ROLLBACK_DAG_ID = "fruit_features_rollback"
MADE_HERE = "make_run__"
"""What the id of a DAG run begins with that a `make run` or a `make rollback` triggered."""
TRIES = 5


def request(
    home: LocalHome, method: str, path: str, body: dict[str, Any] | None = None, tries: int = TRIES
) -> dict[str, Any]:
    """Return the answer to a request of the administrator's; `path` is what follows the API's own.

    A machine at work on Spark steps may answer late or with an error, so a question is asked several times.

    Raises: RunRefusedError if Airflow does not accept the body; AirflowApiError for every other error.
    """
    url = f"{home.airflow_url}/api/v2{path}"
    for tries_left in reversed(range(tries)):
        try:
            response = CLIENT.request(method, url, json=body, headers=_login(home))
        except httpx.HTTPError as error:
            why, is_asked_again = f"{type(error).__name__} {error}; is it up? make down, then make up", method == "GET"
        else:
            if response.is_success:
                answer: dict[str, Any] = response.json()
                return answer
            if method == "POST" and response.status_code in (400, 422):
                # The first line names the param and what is wrong with it; the others print the JSON schema.
                raise RunRefusedError(_detail(response).partition("\n")[0])
            has_expired = response.status_code == httpx.codes.UNAUTHORIZED
            if has_expired:
                _login.cache_clear()
            why = f"{response.status_code} {_detail(response)}"
            is_asked_again = has_expired or (method == "GET" and response.status_code >= 500)
        if not is_asked_again:
            break
        if tries_left:
            time.sleep(1)
    raise AirflowApiError(f"{method} {url}: {why}")


@cache
def _login(home: LocalHome) -> dict[str, str]:
    """Return the header by which Airflow knows its administrator."""
    who = {"username": AIRFLOW_USER, "password": airflow_password(home)}
    token = CLIENT.post(f"{home.airflow_url}/auth/token", json=who).raise_for_status().json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def runs_path(dag_id: str) -> str:
    """Return the path of a DAG's runs."""
    return f"/dags/{dag_id}/dagRuns"


def run_path(run_id: str, dag_id: str = DAG_ID) -> str:
    """Return the path of a DAG run.

    >>> run_path("make_run__few photos__20261120-164712")
    '/dags/fruit_features/dagRuns/make_run__few%20photos__20261120-164712'
    """
    return f"{runs_path(dag_id)}/{quote(run_id, safe='')}"


def mark_failed(home: LocalHome, run_id: str, dag_id: str = DAG_ID) -> None:
    """Mark a run failed; Airflow ends what runs of it, and then runs its teardown, which terminates the cluster."""
    request(home, "PATCH", run_path(run_id, dag_id), {"state": "failed"})


def unfinished_runs(home: LocalHome, dag_id: str = DAG_ID) -> list[dict[str, Any]]:
    """List a DAG's runs that run or wait, oldest first."""
    answer = request(home, "GET", f"{runs_path(dag_id)}?state=running&state=queued&order_by=run_after")
    found: list[dict[str, Any]] = answer["dag_runs"]
    return found


def end_abandoned_runs(home: LocalHome) -> None:
    """Mark failed what a killed `make run` or `make rollback` triggered before these services were started."""
    started = datetime.fromtimestamp(find_background(home, "scheduler").started, UTC)
    for dag_id in (DAG_ID, ROLLBACK_DAG_ID):
        for run in unfinished_runs(home, dag_id) if _answer(home, f"/dags/{dag_id}") is not None else []:
            run_id = str(run["dag_run_id"])
            if run_id.startswith(MADE_HERE) and datetime.fromisoformat(run["run_after"]) < started:
                print(f"ending the run {run_id} of {dag_id}, which was killed before it was over")
                mark_failed(home, run_id, dag_id)


def wait_for_dag(home: LocalHome, dag_id: str = DAG_ID) -> None:
    """Return when Airflow has read the DAG's file, as it is now, since the services were started.

    Raises: DagImportError if the file cannot be imported; DagPausedError if a person has paused the DAG;
    ServiceNotHealthyError if a process ends; AirflowApiError if the time is up.
    """
    deadline = time.monotonic() + START_LIMIT_S
    started = datetime.fromtimestamp(find_background(home, "dag-processor").started, UTC)
    path = f"/dags/{dag_id}"
    while (dag := _answer(home, path)) is None or datetime.fromisoformat(dag["last_parsed_time"]) < started:
        raise_if_airflow_died(home)
        _raise_import_errors(home, dag_id, started)
        if time.monotonic() > deadline:
            raise AirflowApiError(
                f"Airflow has not read the DAG {dag_id} after {START_LIMIT_S:.0f} s; its logs: {home.logs_path}"
            )
        time.sleep(LOOK_EVERY_S)
    if dag["is_paused"]:
        raise DagPausedError(dag_id, home.airflow_url)


def _raise_import_errors(home: LocalHome, dag_id: str, since: datetime) -> None:
    found = _answer(home, "/importErrors") or {"import_errors": []}
    for error in found["import_errors"]:
        # By its version, Airflow gives the whole path or the one below the DAGs folder.
        if Path(error["filename"]).name == f"{dag_id}.py" and datetime.fromisoformat(error["timestamp"]) >= since:
            raise DagImportError(error["filename"], error["stack_trace"])


def _answer(home: LocalHome, path: str) -> dict[str, Any] | None:
    """Return the answer to a question; None before Airflow knows what is asked for, and before it answers at all."""
    try:
        return request(home, "GET", path, tries=1)
    except AirflowApiError:
        return None


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text
