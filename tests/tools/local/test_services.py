"""The services: started by the first, shared by all, stopped by the last, and kept by `make up`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.errors import ServiceNotHealthyError, ServicesInUseError
from tools.local import services
from tools.local.airflow_processes import PROCESSES, raise_if_airflow_died
from tools.local.home import LocalHome
from tools.local.processes import find_background, start_background, stop_backgrounds
from tools.local.services import down, end, services_in_use, up


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHome]:
    """A home whose scheduler is a process that sleeps, and whose other services are nothing."""
    home = LocalHome(root=tmp_path, aws_port=1, airflow_port=9)
    monkeypatch.setattr(services, "_start", lambda home, by_schedule: start(home))
    for waited in ("wait_for_airflow", "end_abandoned_runs"):
        monkeypatch.setattr(services, waited, lambda home: None)
    monkeypatch.setattr(services.endpoint, "wait_for_endpoint", lambda home: None)
    yield home
    for path in home.run_path.glob("*.pid"):
        stop_backgrounds(home, [path.stem])


def start(home: LocalHome, name: str = "scheduler", code: str = "import time; time.sleep(600)") -> None:
    if not is_running(home, name):
        start_background(home, name, [sys.executable, "-c", code], os.environ)


def is_running(home: LocalHome, name: str = "scheduler") -> bool:
    return find_background(home, name).is_alive()


def test_they_live_as_long_as_the_last_that_uses_them(home: LocalHome) -> None:
    with services_in_use(home):
        first = find_background(home, "scheduler")
        with services_in_use(home):
            assert find_background(home, "scheduler") == first
        assert is_running(home)
    assert not is_running(home)
    assert list(home.run_path.glob("*.pid")) == []


def test_make_up_keeps_them_beyond_a_run_and_make_down_leaves_them_to_one(
    home: LocalHome, capsys: pytest.CaptureFixture[str]
) -> None:
    up(home)
    with services_in_use(home):
        pass
    assert is_running(home)
    with services_in_use(home):
        down(home)
        assert "a `make run` uses the services" in capsys.readouterr().out
        assert is_running(home)
    assert not is_running(home)


def test_make_up_is_refused_while_a_run_uses_its_own_services(home: LocalHome) -> None:
    with services_in_use(home), pytest.raises(ServicesInUseError, match="wait for it"):
        up(home)


def test_what_a_killed_run_left_is_stopped_by_the_next_run_and_by_make_down(home: LocalHome) -> None:
    home.run_path.mkdir(parents=True)
    start(home)
    left = find_background(home, "scheduler")
    with services_in_use(home):
        assert not left.is_alive()
        assert is_running(home)
    start(home)
    down(home)
    assert not is_running(home)


def test_make_clean_removes_nothing_from_under_a_run(home: LocalHome) -> None:
    with services_in_use(home):
        with pytest.raises(ServicesInUseError, match="then: make clean"):
            end(home)
        assert is_running(home)
    end(home)


def test_make_down_stops_what_a_killed_comparison_left(home: LocalHome, capsys: pytest.CaptureFixture[str]) -> None:
    down(home)
    assert not home.for_comparisons.root.exists()
    start(home.for_comparisons)
    left = find_background(home.for_comparisons, "scheduler")
    down(home)
    assert not left.is_alive()
    assert capsys.readouterr().out == "stopped: nothing ran\nstopped: scheduler\n"


def test_make_down_under_a_comparison_stops_the_other_services_and_says_both(
    home: LocalHome, capsys: pytest.CaptureFixture[str]
) -> None:
    up(home)
    with services_in_use(home.for_comparisons):
        capsys.readouterr()
        down(home)
        said = capsys.readouterr().out.splitlines()
        assert is_running(home.for_comparisons)
    assert not is_running(home)
    assert said == ["a `make run` uses the services, and stops them when it ends", "stopped: scheduler"]


def test_a_process_that_ends_under_a_run_is_an_error_with_its_log(home: LocalHome) -> None:
    for name in PROCESSES:
        start(home, name)
    raise_if_airflow_died(home)
    stop_backgrounds(home, ["triggerer"])
    with pytest.raises(ServiceNotHealthyError, match="triggerer ended"):
        raise_if_airflow_died(home)
