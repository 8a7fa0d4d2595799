"""Other processes, as /proc shows them: whose child one is, and the end of a whole session."""

import os
import signal
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUARD = """
import sys
from tests.faults.processes import kill_session
for leader in [int(line) for line in sys.stdin]:
    kill_session(leader)
"""


class Guard:
    """Ends sessions when this process ends, however that comes: its stdin is over then."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", GUARD], stdin=subprocess.PIPE, cwd=REPOSITORY, text=True, start_new_session=True
        )

    def watch(self, leader: int) -> None:
        assert self._process.stdin is not None
        print(leader, file=self._process.stdin, flush=True)

    def close(self) -> None:
        self._process.communicate()


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def children_of(pid: int) -> list[int]:
    return [child for child, fields in _all() if int(fields[1]) == pid]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def kill_session(leader: int) -> None:
    """SIGKILL to everybody in it; a child that is forked meanwhile is found by the next look."""
    while members := [pid for pid, fields in _all() if int(fields[3]) == leader and fields[0] != "Z"]:
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _all() -> list[tuple[int, list[str]]]:
    """Every process, with its fields."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found.append((int(entry.name), _stat(int(entry.name))))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _stat(pid: int) -> list[str]:
    """The fields from the state on: state, parent, process group, session; the name before them may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
