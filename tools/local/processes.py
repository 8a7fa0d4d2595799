"""Background processes with pid files: each leads a session of its own, is found again, and ends with its children."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

KILL_PATIENCE_S = 5.0
# The time at which a process started is computed from the machine's clock, which may be corrected later.
CLOCK_TOLERANCE_S = 5.0


@dataclass(frozen=True)
class Background:
    """A process that was started here; another process may have its pid by now, but not its start time."""

    name: str
    pid: int
    started: float
    log_path: str

    def is_alive(self) -> bool:
        started = started_at(self.pid)
        return started is not None and abs(started - self.started) < CLOCK_TOLERANCE_S


def start_background(
    name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, log_path: Path
) -> Background:
    """Start `command` as the leader of its own session, and write `<folder>/<name>.pid`."""
    folder.mkdir(parents=True, exist_ok=True)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    background = Background(name, process.pid, started_at(process.pid) or time.time(), str(log_path))
    pid_path(folder, name).write_text(json.dumps(asdict(background)), encoding="utf-8")
    return background


def find_background(folder: Path, name: str) -> Background | None:
    """Return what the pid file says of a process, alive or not; None where there is no such file."""
    try:
        return Background(**json.loads(pid_path(folder, name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def stop_background(folder: Path, name: str, patience_s: float = 20.0) -> bool:
    """End a process and its whole session, and remove its pid file. Return True if something still ran."""
    return bool(stop_backgrounds(folder, [name], patience_s))


def stop_backgrounds(folder: Path, names: Sequence[str], patience_s: float = 20.0) -> list[str]:
    """End several processes at the same time, as `stop_background` does. Return the names of those that still ran."""
    found = [background for name in names if (background := find_background(folder, name)) is not None]
    ran = [background.name for background in found if session_members(background)]
    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, KILL_PATIENCE_S)):
        deadline = time.monotonic() + wait_s
        members = [member for background in found for member in session_members(background)]
        _signal(members, number)
        while members and time.monotonic() < deadline:
            time.sleep(0.1)
            members = [member for background in found for member in session_members(background)]
    for name in names:
        pid_path(folder, name).unlink(missing_ok=True)
    return ran


def pid_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.pid"


def session_members(background: Background) -> list[int]:
    """List the pids of the session that `background` leads or led: its children outlive it when it crashes.

    The kernel gives a session's number to no other process while the session has a member. So members without their
    leader are still ours. If the leader started at another moment, or before this boot, they are not.
    """
    another_took_the_pid = started_at(background.pid) is not None and not background.is_alive()
    if another_took_the_pid or background.started < psutil.boot_time() - CLOCK_TOLERANCE_S:
        return []
    return [pid for pid in psutil.pids() if _session(pid) == background.pid and started_at(pid) is not None]


def started_at(pid: int) -> float | None:
    """Return when the process started, in seconds of the epoch; None if there is no such process, or only a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
