"""Processes in sessions of their own, so that a command and all that it started can be ended together."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

_PROC = Path("/proc")
_END_LIMIT_S = 5.0


class SessionProcess:
    """A running command. Ending it ends its whole session: Spark's Python workers have process groups of their own."""

    def __init__(self, args: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: Path, stderr: Path) -> None:
        with stdout.open("ab") as out, stderr.open("ab") as err:
            self._process = subprocess.Popen(
                args, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        self.pid = self._process.pid
        self._ended = threading.Event()
        self._signal_lock = threading.Lock()

    def wait(self) -> int:
        """The exit code, negative for a signal, once the command has ended; what it left running is ended too."""
        # Not reaped yet, the process keeps its number, so that nobody else's session can be meant.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._signal_lock:
            self._ended.set()
            end_session(self.pid)
        return self._process.wait()

    def interrupt(self, grace_s: float) -> None:
        """Asks the command to stop (SIGTERM), and kills it when it has not after the grace time."""
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
    """Kills every process of the session, also those that are born meanwhile."""
    _end_all(lambda: _session_members(leader), f"session {leader}")


def end_marked(name: str, value: str) -> None:
    """Kills every process whose environment holds the variable: those that an earlier endpoint left behind."""
    _end_all(lambda: _marked(f"{name}={value}".encode()), f"{name}={value}")


def _end_all(find: Callable[[], Iterator[int]], what: str) -> None:
    give_up_at = time.monotonic() + _END_LIMIT_S
    while found := list(find()):
        for pid in found:
            # One that changed its user is not ours to kill.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > give_up_at:
            logger.warning("processes of %s could not be ended: %s", what, found)
            return
        time.sleep(0.01)


def _session_members(leader: int) -> Iterator[int]:
    for folder in _process_folders():
        # What follows the name in /proc/<pid>/stat: state, parent, group, session.
        fields = _read(folder / "stat").rpartition(b")")[2].split()
        if fields and int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
            yield int(folder.name)


def _marked(entry: bytes) -> Iterator[int]:
    for folder in _process_folders():
        if entry in _read(folder / "environ").split(b"\0"):
            yield int(folder.name)


def _process_folders() -> Iterator[Path]:
    return (folder for folder in _PROC.iterdir() if folder.name.isdigit())


def _read(path: Path) -> bytes:
    """Empty for a process that is gone, or that is another user's."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
