"""Background processes with pid files: started as sessions of their own, found again, ended with their children."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

KILL_PATIENCE_S = 5.0
BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Background:
    """A process that was started here. Its pid may be another's by now: the moment it started, and the boot, tell."""

    name: str
    pid: int
    started: str
    log_path: str

    def is_alive(self) -> bool:
        return started_at(self.pid) == self.started


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
    background = Background(name, process.pid, started_at(process.pid) or "", str(log_path))
    pid_path(folder, name).write_text(json.dumps(asdict(background)), encoding="utf-8")
    return background


def find_background(folder: Path, name: str) -> Background | None:
    """What the pid file says, alive or not; None where there is none."""
    try:
        return Background(**json.loads(pid_path(folder, name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def stop_background(folder: Path, name: str, patience_s: float = 20.0) -> bool:
    """End the process and its whole session, and remove the pid file; True if something still ran."""
    background = find_background(folder, name)
    if background is None:
        return False
    ran = bool(session_members(background))
    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, KILL_PATIENCE_S)):
        _signal(background, number)
        deadline = time.monotonic() + wait_s
        while session_members(background) and time.monotonic() < deadline:
            time.sleep(0.1)
    pid_path(folder, name).unlink(missing_ok=True)
    return ran


def pid_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.pid"


def session_members(background: Background) -> list[int]:
    """Pids of the session that `background` leads or led: its children outlive it when it crashes.

    The kernel gives a session's number to no other process while the session has a member, so members without their
    leader are still ours; a leader that started at another moment is not.
    """
    started = started_at(background.pid)
    another_took_the_pid = started is not None and started != background.started
    if another_took_the_pid or not background.started.startswith(_boot_id()):
        return []
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _session(entry) == background.pid
    ]


def started_at(pid: int) -> str | None:
    """Boot and clock tick at which the process started; None if there is no such process, or only its remains."""
    fields = _stat(Path("/proc") / str(pid))
    if fields is None or fields[0] == "Z":
        return None
    return f"{_boot_id()}/{fields[19]}"


def _boot_id() -> str:
    return BOOT_ID_PATH.read_text(encoding="ascii").strip()


def _session(entry: Path) -> int | None:
    fields = _stat(entry)
    return None if fields is None or fields[0] == "Z" else int(fields[3])


def _stat(entry: Path) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on; the name before them may hold spaces and brackets."""
    try:
        return (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _signal(background: Background, number: signal.Signals) -> None:
    for pid in session_members(background):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
