"""Runs and the Airflow of `make up` keep out of each other's way: a scheduler would do a run's tasks a second time."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools.errors import RunIsBusyError, ServiceNotHealthyError
from tools.local import services
from tools.local.home import LocalHome
from tools.local.processes import start_background, stop_background
from tools.run import direct_run
from tools.run.direct_run import DirectRun, clear_abandoned_runs, live_runs


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    home = LocalHome(root=tmp_path, aws_port=1, airflow_port=9)
    yield home
    for path in home.run_path.glob("*.pid"):
        stop_background(home.run_path, path.stem)


def start(home: LocalHome, name: str, code: str = "import time; time.sleep(600)") -> None:
    start_background(name, [sys.executable, "-c", code], os.environ, home.run_path, home.logs_path / "it.log")


def test_a_run_that_is_being_made_keeps_airflow_from_starting(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "port_is_taken", lambda port: False)
    start(home, "dag-run-fruits")
    assert live_runs(home) == ["fruits"]
    with pytest.raises(RunIsBusyError, match="fruits"):
        services.up(home)


def test_a_second_run_of_the_same_name_is_refused(home: LocalHome) -> None:
    start(home, "dag-run-fruits")
    with pytest.raises(RunIsBusyError, match="fruits"):
        DirectRun(home, "fruits", {}, datetime.now(UTC))
    assert live_runs(home) == ["fruits"]


def test_only_what_a_killed_run_left_is_cleared(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    cleared: list[str] = []
    monkeypatch.setattr(direct_run, "_clear", lambda _, run: cleared.append(run))
    start(home, "dag-run-alive")
    start(home, "dag-run-killed-1.2", "pass")
    while "killed-1.2" in live_runs(home):
        pass
    clear_abandoned_runs(home)
    clear_abandoned_runs(home)
    assert cleared == ["killed-1.2"]
    assert live_runs(home) == ["alive"]


def test_without_a_scheduler_a_run_is_made_here(home: LocalHome) -> None:
    assert services.wait_for_airflow(home) is False


def test_a_scheduler_whose_airflow_does_not_answer_is_an_error_and_no_second_way(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BUSY_LIMIT_S", 0.1)
    start(home, "scheduler")
    with pytest.raises(ServiceNotHealthyError, match="scheduler was not healthy"):
        services.wait_for_airflow(home)
