"""Processes in sessions of their own, so that a command and all that it started can be ended together."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

logger = logging.getLogger(__name__)

_END_LIMIT_S = 5.0


class SessionProcess:
    """A running command. Its end is the end of its session: Spark's Python workers have process groups of their own."""

    def __init__(self, args: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: Path, stderr: Path) -> None:
        with stdout.open("ab") as out, stderr.open("ab") as err:
            self._process = subprocess.Popen(
                args, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        self.pid = self._process.pid
        self._ended = threading.Event()
        self._signal_lock = threading.Lock()

    def wait(self) -> int:
        """Wait for the command, end what it left running, and return its exit code, negative for a signal."""
        # The process keeps its number until it is reaped, so that no other session can have the number.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._signal_lock:
            self._ended.set()
            end_session(self.pid)
        return self._process.wait()

    def interrupt(self, grace_s: float) -> None:
        """Ask the command to stop (SIGTERM), and kill it when it still runs after the grace time."""
        with self._signal_lock:
            if self._ended.is_set():
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
        threading.Thread(target=self._kill_after, args=(grace_s,), daemon=True).start()

    def kill(self) -> None:
        with self._signal_lock:
            if not self._ended.is_set():
                end_session(self.pid)

    def _kill_after(self, grace_s: float) -> None:
        if not self._ended.wait(grace_s):
            self.kill()


def end_session(leader: int) -> None:
    """Kill every process of the session, and those that they start meanwhile."""
    gone = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    _end_all(lambda p: os.getsid(p.pid) == leader and p.status() not in gone, f"session {leader}")


def end_marked(name: str, value: str) -> None:
    """Kill every process whose environment holds the variable: an earlier endpoint has left it behind."""
    _end_all(lambda process: process.environ().get(name) == value, f"{name}={value}")


def _end_all(is_meant: Callable[[psutil.Process], bool], what: str) -> None:
    give_up_at = time.monotonic() + _END_LIMIT_S
    while found := [process for process in psutil.process_iter() if _safely(is_meant, process)]:
        for process in found:
            # A process that has changed its user is not ours to kill.
            with contextlib.suppress(psutil.Error):
                process.kill()
        if time.monotonic() > give_up_at:
            logger.warning("processes of %s could not be ended: %s", what, [process.pid for process in found])
            return
        time.sleep(0.01)


def _safely(is_meant: Callable[[psutil.Process], bool], process: psutil.Process) -> bool:
    """Return the answer, or False for a process that has gone or belongs to another user."""
    try:
        return is_meant(process)
    except (OSError, psutil.Error):
        return False
