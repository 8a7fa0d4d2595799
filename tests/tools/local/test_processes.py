"""Background processes: found again, ended with their children, and never another's."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.local.processes import find_background, pid_path, session_members, start_background, stop_background

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    for path in tmp_path.glob("*.pid"):
        stop_background(tmp_path, path.stem, patience_s=1)


def start(folder: Path, code: str) -> int:
    return start_background("it", [sys.executable, "-c", code], os.environ, folder, folder / "it.log").pid


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited for ten seconds"
        time.sleep(0.05)


def has_members(folder: Path, count: int) -> bool:
    background = find_background(folder, "it")
    return background is not None and len(session_members(background)) == count


def test_stopping_ends_the_process_and_its_children_and_forgets_it(tmp_path: Path) -> None:
    start(tmp_path, PARENT)
    wait_until(lambda: has_members(tmp_path, 2))
    background = find_background(tmp_path, "it")
    assert background is not None
    assert background.is_alive()

    assert stop_background(tmp_path, "it") is True

    assert session_members(background) == []
    assert find_background(tmp_path, "it") is None
    assert stop_background(tmp_path, "it") is False


def test_children_of_a_crashed_process_are_ended(tmp_path: Path) -> None:
    pid = start(tmp_path, PARENT)
    wait_until(lambda: has_members(tmp_path, 2))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_members(tmp_path, 1))

    assert stop_background(tmp_path, "it") is True
    assert find_background(tmp_path, "it") is None


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    start(tmp_path, code)
    wait_until(lambda: "deaf" in (tmp_path / "it.log").read_text())
    background = find_background(tmp_path, "it")
    assert background is not None

    stop_background(tmp_path, "it", patience_s=0.3)

    assert not background.is_alive()


def test_a_process_that_took_over_the_pid_of_a_stale_file_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        start(tmp_path, "pass")
        recorded = json.loads(pid_path(tmp_path, "it").read_text())
        stale = recorded | {"pid": stranger.pid, "started": recorded["started"] - 60}
        pid_path(tmp_path, "it").write_text(json.dumps(stale))

        assert stop_background(tmp_path, "it") is False

        assert stranger.poll() is None
        assert find_background(tmp_path, "it") is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_from_before_the_machine_started_is_nobodys(tmp_path: Path) -> None:
    start(tmp_path, "import time; time.sleep(600)")
    recorded = json.loads(pid_path(tmp_path, "it").read_text())
    pid_path(tmp_path, "it").write_text(json.dumps(recorded | {"started": 1.0}))

    assert stop_background(tmp_path, "it") is False

    os.kill(recorded["pid"], signal.SIGKILL)
