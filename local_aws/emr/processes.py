"""Processes in sessions of their own, so that a command and all that it started can be ended together."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
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
        self.identity = process_identity(self.pid)
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
    give_up_at = time.monotonic() + _END_LIMIT_S
    while members := list(_session_members(leader)):
        for pid in members:
            # One that changed its user is not ours to kill.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > give_up_at:
            logger.warning("processes of session %s could not be ended: %s", leader, members)
            return
        time.sleep(0.01)


def process_identity(pid: int) -> str | None:
    """`<pid>:<start time>`: unlike the number alone it never means another process; None if there is none."""
    fields = _stat_fields(_PROC / str(pid))
    return f"{pid}:{fields[19]}" if fields else None


def end_identified(identity: str) -> None:
    """Ends the session of a process that an earlier endpoint started, if that very process still runs."""
    pid = int(identity.partition(":")[0])
    if process_identity(pid) == identity:
        end_session(pid)


def _session_members(leader: int) -> Iterator[int]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            fields = _stat_fields(folder)
            if fields and int(fields[3]) == leader and fields[0] not in ("Z", "X"):
                yield int(folder.name)


def _stat_fields(folder: Path) -> list[str] | None:
    """What follows the name in /proc/<pid>/stat: state, parent, group, session...; the start time is number 19."""
    try:
        return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
