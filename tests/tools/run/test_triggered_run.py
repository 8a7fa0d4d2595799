"""A run in Airflow, as its REST API tells of it; here the answers are written down."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.errors import AirflowApiError, DagImportError, RunRefusedError
from tools.local import airflow_api
from tools.local.home import LocalHome
from tools.run import triggered_run
from tools.run.triggered_run import TriggeredRun, last_error

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """The last of the list answers a request of whoever has logged in."""
    handlers: list[Answer] = []
    tokens = ["expired", "valid"]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": tokens.pop(0)})
        is_logged_in = request.headers["Authorization"] == "Bearer valid"
        return handlers[-1](request) if is_logged_in else httpx.Response(401, json={"detail": "log in"})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(airflow_api, "CLIENT", httpx.Client(transport=transport))
    monkeypatch.setattr(airflow_api.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(triggered_run, "raise_if_airflow_died", lambda home: None)
    return handlers


@pytest.fixture
def run(tmp_path: Path) -> TriggeredRun:
    return TriggeredRun(LocalHome(tmp_path), "fruits", datetime(2026, 11, 20, 16, 47, 12, tzinfo=UTC))


def states(run_state: str, **tasks: str) -> Answer:
    instances = [{"task_id": name, "state": state, "try_number": 1} for name, state in tasks.items()]

    def answer(request: httpx.Request) -> httpx.Response:
        of_tasks = request.url.path.endswith("/taskInstances")
        return httpx.Response(200, json={"task_instances": instances} if of_tasks else {"state": run_state})

    return answer


def test_a_deferred_task_goes_on_running_and_each_change_is_told_once(run: TriggeredRun, answers: list[Answer]) -> None:
    answers.append(states("running", a="success", b="running", c="queued"))
    assert run.poll() == {"a": "success", "b": "running"}
    answers.append(states("running", a="success", b="deferred", c="queued"))
    assert run.poll() == {}
    assert run.outcome is None


def test_a_run_that_is_over_has_the_last_error_of_its_failed_tasks(run: TriggeredRun, answers: list[Answer]) -> None:
    log = run.logs_path / "task_id=b" / "attempt=1.log"
    log.parent.mkdir(parents=True)
    entries: list[dict[str, Any]] = [{"event": "hello"}] + [
        {"error_detail": [{"exc_type": "E", "exc_value": text}]} for text in ("first", "last")
    ]
    log.write_text("no JSON\n" + "\n".join(json.dumps(entry) for entry in entries))
    answers.append(states("failed", a="success", b="failed"))
    run.poll()
    assert run.outcome is not None
    assert (run.outcome.state, run.outcome.errors) == ("failed", {"b": "last"})
    assert last_error(run.logs_path / "nowhere.log") is None


def test_a_refused_param_is_one_line(run: TriggeredRun, answers: list[Answer]) -> None:
    detail = "Invalid input for param backbone: 'x' is not one of [...]\n\nFailed validating"
    answers.append(lambda request: httpx.Response(400, json={"detail": detail}))
    with pytest.raises(RunRefusedError, match=r"first task: Invalid input for param backbone: 'x' is not one of .*\]$"):
        run.trigger({"backbone": "x"})


def test_a_busy_server_is_asked_again_and_a_refusal_is_not_hidden(run: TriggeredRun, answers: list[Answer]) -> None:
    codes = [503, 500, 200]
    answers.append(lambda request: httpx.Response(codes.pop(0), json={"dag_runs": []}))
    assert run.waits_for() is None
    assert codes == []
    answers.append(lambda request: httpx.Response(404, json={"detail": "no such run"}))
    with pytest.raises(AirflowApiError, match="404 no such run"):
        run.poll()


def test_a_run_that_is_queued_waits_for_the_one_that_runs(run: TriggeredRun, answers: list[Answer]) -> None:
    listed = [{"dag_run_id": "first", "state": "running"}, {"dag_run_id": run.run_id, "state": "queued"}]
    answers.append(lambda request: httpx.Response(200, json={"dag_runs": listed}))
    assert run.waits_for() == "first"


@pytest.mark.parametrize("filename", ["fruit_features.py", "/opt/dags/fruit_features.py"])
def test_a_dag_that_cannot_be_imported_is_told_at_once_with_its_error(
    tmp_path: Path, answers: list[Answer], monkeypatch: pytest.MonkeyPatch, filename: str
) -> None:
    error = {"filename": filename, "timestamp": "2026-11-28T09:00:00Z", "stack_trace": "SettingsError: no such size"}
    others = {**error, "filename": "not_fruit_features.py", "stack_trace": "another DAG's"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/importErrors"):
            return httpx.Response(200, json={"import_errors": [others, error]})
        return httpx.Response(404, json={"detail": "no such DAG"})

    answers.append(answer)
    monkeypatch.setattr(airflow_api, "raise_if_airflow_died", lambda home: None)
    with pytest.raises(DagImportError, match="SettingsError: no such size"):
        airflow_api.wait_for_dag(LocalHome(tmp_path))
