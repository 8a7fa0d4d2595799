"""Says on the terminal how far a run is: a line for each part of the DAG, and the stage's own count while it runs."""

import sys
import time
from pathlib import Path
from typing import Any, TextIO

from tools.run.documents import read_json

QUIET_INTERVAL_S = 15.0
"""Between two counts of the same stage where lines cannot be written over."""


class ProgressLines:
    """What a run does, on a terminal or in a file; fed with changes, and asked every second for counts."""

    def __init__(self, progress_path: Path, out: TextIO | None = None) -> None:
        self.progress_path, self.out = progress_path, out or sys.stdout
        self.started_at = time.monotonic()
        self.run_started_at = time.time()
        self._part = ""
        self._count = ""
        self._last_count_at = 0.0
        self._first_count: tuple[float, int] | None = None
        self._pending = False
        self._waits_for: str | None = None

    def seconds(self) -> float:
        """Return the time since the run was triggered."""
        return time.monotonic() - self.started_at

    def show_change(self, task_id: str, state: str) -> None:
        """Write a line when another part of the DAG begins, or when a task fails."""
        part = task_id.partition(".")[0]
        if state == "running" and part != self._part:
            self._part, self._count, self._first_count = part, "", None
            self._write(part)
        elif state == "failed":
            self._write(f"{task_id} FAILED")

    def show_wait(self, run_id: str | None) -> None:
        """Write once which run has to end before this one begins."""
        if run_id is not None and run_id != self._waits_for:
            self._write(f"waiting for the run {run_id}: the DAG makes one run at a time")
            self._waits_for = run_id

    def show_counts(self) -> None:
        """Write the count of the stage that runs, if it has changed."""
        # A run of the same name may have left its counts here; they are not ours.
        progress = read_json(self.progress_path / f"{self._part}.json", self.run_started_at)
        if progress is None:
            return
        total = "" if progress["total"] is None else f" of {progress['total']:,}"
        count = f"{progress['done']:,}{total} {progress['unit']}"
        if count == self._count:
            return
        text = f"{self._part}  {count}{self._rate(progress)}"
        if self.out.isatty():
            self._write(text, over=progress["state"] == "running")
        elif progress["state"] != "running" or time.monotonic() - self._last_count_at > QUIET_INTERVAL_S:
            self._write(text)
        else:
            return
        self._count, self._last_count_at = count, time.monotonic()

    def _rate(self, progress: dict[str, Any]) -> str:
        """Return the rate since the stage's first count: the start of the JVM and of the network are not in it."""
        now, done = time.monotonic(), progress["done"]
        if self._first_count is None:
            self._first_count = (now, done)
        since, before = self._first_count
        return f", {(done - before) / (now - since):,.1f} a second" if done > before else ""

    def _write(self, text: str, over: bool = False) -> None:
        minutes, seconds = divmod(int(self.seconds()), 60)
        line = f"  {minutes:2d}:{seconds:02d}  {text}"
        if self._pending:
            self.out.write("\r\033[K")
        self.out.write(line if over else f"{line}\n")
        self._pending = over
        self.out.flush()
