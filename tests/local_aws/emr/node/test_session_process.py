"""Ending a command ends all that it started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_aws.emr.node.session_process import SessionProcess, end_marked
from tests.local_aws.emr.harness import wait_until

# As pyspark's daemon does: a process group of its own, and deaf to what ends the others.
DEAF_GROUP = """python3 -c '
import os, signal, time
os.setpgid(0, 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(60)' &
"""
Start = Callable[[str], SessionProcess]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def start_bash(script: str) -> SessionProcess:
        return SessionProcess(["bash", "-c", script], tmp_path, os.environ, tmp_path / "stdout", tmp_path / "stderr")

    return start_bash


def printed_pid(tmp_path: Path) -> int:
    return int(wait_until("a pid on stdout", lambda: (tmp_path / "stdout").read_text().strip()))


def is_running(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("script", "expected"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_the_exit_code_is_told(start: Start, script: str, expected: int) -> None:
    assert start(script).wait() == expected


def test_what_a_command_leaves_running_ends_with_it(start: Start, tmp_path: Path) -> None:
    process = start(DEAF_GROUP + "while [ ! -s stdout ]; do sleep 0.05; done; exit 0")
    assert process.wait() == 0
    wait_until("the child gone", lambda: not is_running(printed_pid(tmp_path)))


def test_an_interrupted_command_may_end_in_its_own_way(start: Start, tmp_path: Path) -> None:
    process = start("trap 'echo tidied; exit 5' TERM; echo ready; while true; do sleep 0.05; done")
    wait_until("ready", lambda: "ready" in (tmp_path / "stdout").read_text())
    process.interrupt(grace_s=20)
    assert process.wait() == 5
    assert "tidied" in (tmp_path / "stdout").read_text()


def test_a_command_that_ignores_the_interrupt_is_killed_after_the_grace_time(start: Start, tmp_path: Path) -> None:
    process = start("trap '' TERM; echo ready; while true; do sleep 0.05; done")
    wait_until("ready", lambda: "ready" in (tmp_path / "stdout").read_text())
    began = time.monotonic()
    process.interrupt(grace_s=0.3)
    assert process.wait() == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - began < 10


def test_killing_reaches_other_process_groups_too(start: Start, tmp_path: Path) -> None:
    process = start(DEAF_GROUP + "sleep 60")
    child = printed_pid(tmp_path)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    wait_until("the child gone", lambda: not is_running(child))


def test_processes_are_found_again_by_their_mark_and_no_other_ones_are(start: Start, tmp_path: Path) -> None:
    marked = start("export MARK=j-1; exec setsid bash -c 'echo $$; exec sleep 60'")
    other = start("export MARK=j-12; exec sleep 60")
    pid = printed_pid(tmp_path)
    end_marked("MARK", "j-1")
    wait_until("the marked one gone", lambda: not is_running(pid))
    marked.wait()
    assert is_running(other.pid)
    other.kill()
    assert other.wait() == -signal.SIGKILL
