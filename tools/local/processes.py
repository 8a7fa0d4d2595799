"""Background processes with pid files: each leads a session of its own, is found again, and ends with its children."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tools.local.home import LocalHome

KILL_PATIENCE_S = 5.0
TAIL_BYTES = 64 * 1024
# The time at which a process started is computed from the machine's clock, which may be corrected later.
CLOCK_TOLERANCE_S = 5.0


@dataclass(frozen=True)
class Background:
    """A process that was started here; another process may have its pid by now, but not its start time."""

    name: str
    log_path: Path
    pid: int = 0
    started: float = 0.0

    def is_alive(self) -> bool:
        started = started_at(self.pid)
        return started is not None and abs(started - self.started) < CLOCK_TOLERANCE_S

    def session_members(self) -> list[int]:
        """List the pids of the session that the process leads or led: its children outlive it when it crashes.

        The kernel gives a session's number to no other process while the session has a member. So members without
        their leader are still ours. If the leader started at another moment, or before this boot, they are not.
        """
        another_took_the_pid = started_at(self.pid) is not None and not self.is_alive()
        if another_took_the_pid or self.started < psutil.boot_time() - CLOCK_TOLERANCE_S:
            return []
        members = []
        for pid in psutil.pids():
            with suppress(ProcessLookupError):
                if os.getsid(pid) == self.pid and started_at(pid) is not None:
                    members.append(pid)
        return members


def start_background(home: LocalHome, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Background:
    """Start `command` as the leader of its own session, and write its pid file."""
    for folder in (home.run_path, home.logs_path):
        folder.mkdir(parents=True, exist_ok=True)
    with find_background(home, name).log_path.open("ab") as log:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    recorded = {"pid": process.pid, "started": started_at(process.pid) or time.time()}
    draft = pid_path(home, name).with_suffix(".draft")
    try:
        draft.write_text(json.dumps(recorded), encoding="utf-8")
        draft.replace(pid_path(home, name))
    except OSError:
        # Without its pid file nobody would ever end it.
        process.kill()
        raise
    return find_background(home, name)


def find_background(home: LocalHome, name: str) -> Background:
    """Return what the pid file says of a process; one without such a file counts as ended."""
    recorded: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        recorded = json.loads(pid_path(home, name).read_text(encoding="utf-8"))
    return Background(name, home.logs_path / f"{name}.log", **recorded)


def stop_backgrounds(home: LocalHome, names: Iterable[str], patience_s: float = 20.0) -> list[str]:
    """End processes and their whole sessions, and remove their pid files. Return the names of those that still ran."""
    found = [find_background(home, name) for name in names]
    ran = [background.name for background in found if background.session_members()]
    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, KILL_PATIENCE_S)):
        deadline = time.monotonic() + wait_s
        members = [member for background in found for member in background.session_members()]
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(member, number)
        while members and time.monotonic() < deadline:
            time.sleep(0.1)
            members = [member for background in found for member in background.session_members()]
    for background in found:
        pid_path(home, background.name).unlink(missing_ok=True)
    return ran


def pid_path(home: LocalHome, name: str) -> Path:
    return home.run_path / f"{name}.pid"


def started_at(pid: int) -> float | None:
    """Return when the process started, in seconds of the epoch; None if there is no such process, or only a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def tail(log_path: Path, lines: int = 15) -> str:
    """Return the last lines of a file that may be missing or of any size."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])
