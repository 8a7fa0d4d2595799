"""Background processes: found again, ended with their children, and never another's."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.local.home import LocalHome
from tools.local.processes import find_background, pid_path, start_background, started_at, stop_backgrounds

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    home = LocalHome(tmp_path)
    yield home
    stop_backgrounds(home, ["it"], patience_s=1)


def start(home: LocalHome, code: str) -> int:
    return start_background(home, "it", [sys.executable, "-c", code], os.environ).pid


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "waited for ten seconds"
        time.sleep(0.05)


def has_members(home: LocalHome, count: int) -> bool:
    return len(find_background(home, "it").session_members()) == count


def test_stopping_ends_the_process_and_its_children_and_forgets_it(home: LocalHome) -> None:
    start(home, PARENT)
    wait_until(lambda: has_members(home, 2))
    background = find_background(home, "it")
    assert background.is_alive()

    assert stop_backgrounds(home, ["it"]) == ["it"]

    assert background.session_members() == []
    assert find_background(home, "it").pid == 0
    assert stop_backgrounds(home, ["it"]) == []


def test_a_process_whose_pid_file_cannot_be_written_does_not_stay(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    started: list[int] = []
    real = subprocess.Popen

    def popen(*arguments: Any, **options: Any) -> Any:
        process = real(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        start(home, PARENT)
    wait_until(lambda: started_at(started[0]) is None)
    assert not pid_path(home, "it").exists()


def test_children_of_a_crashed_process_are_ended(home: LocalHome) -> None:
    pid = start(home, PARENT)
    wait_until(lambda: has_members(home, 2))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: has_members(home, 1))

    assert stop_backgrounds(home, ["it"]) == ["it"]
    assert find_background(home, "it").pid == 0


def test_one_that_ignores_sigterm_is_killed(home: LocalHome) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    start(home, code)
    wait_until(lambda: "deaf" in (home.logs_path / "it.log").read_text())
    background = find_background(home, "it")

    stop_backgrounds(home, ["it"], patience_s=0.3)

    assert not background.is_alive()


def test_a_process_that_took_over_the_pid_of_a_stale_file_is_left_alone(home: LocalHome) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        start(home, "pass")
        recorded = json.loads(pid_path(home, "it").read_text())
        stale = recorded | {"pid": stranger.pid, "started": recorded["started"] - 60}
        pid_path(home, "it").write_text(json.dumps(stale))

        assert stop_backgrounds(home, ["it"]) == []

        assert stranger.poll() is None
        assert find_background(home, "it").pid == 0
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_from_before_the_machine_started_is_nobodys(home: LocalHome) -> None:
    start(home, "import time; time.sleep(600)")
    recorded = json.loads(pid_path(home, "it").read_text())
    pid_path(home, "it").write_text(json.dumps(recorded | {"started": 1.0}))

    assert stop_backgrounds(home, ["it"]) == []

    os.kill(recorded["pid"], signal.SIGKILL)
