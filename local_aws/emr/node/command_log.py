"""Logs of steps and bootstrap actions: first plain files, then gzipped in EMR's layout below the LogUri."""

import gzip
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

_TAIL_BYTES = 64 * 1024
_JAVA_FRAME = re.compile(r"\s+at |\s*\.\.\. \d+ more")
_PYTHON_MARK = re.compile(r"\s*~*\^+~*\s*$")
_SPARK_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (?P<level>[A-Z]+) ")


class CommandLog:
    """The folder of one command's `controller`, `stdout` and `stderr`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.controller_path, self.stdout_path, self.stderr_path = self._paths = [
            path / name for name in ("controller", "stdout", "stderr")
        ]

    def start(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self._paths:
            path.write_bytes(b"")

    def note(self, text: str) -> None:
        """Add a line to the controller's log, which says what was run and how it ended."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self.controller_path.open("a") as controller:
            controller.write(f"{moment} INFO {text}\n")

    def last_error_line(self) -> str | None:
        """Return the line of stderr that most likely says why the command failed."""
        with self.stderr_path.open("rb") as stderr:
            stderr.seek(max(0, self.stderr_path.stat().st_size - _TAIL_BYTES))
            lines = stderr.read().decode(errors="replace").splitlines()
        return last_useful_line(lines)

    def ship(self, destination: Path) -> None:
        """Write each file gzipped to the destination, so that a reader sees all of it or nothing."""
        destination.mkdir(parents=True, exist_ok=True)
        for path in self._paths:
            # S3 does not list a name of this form: Hadoop's checksum files have it.
            unfinished = destination / f".{path.name}.{secrets.token_hex(4)}.crc"
            with (
                path.open("rb") as source,
                unfinished.open("wb") as target,
                gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed,
            ):
                shutil.copyfileobj(source, packed)
            unfinished.replace(destination / f"{path.name}.gz")


def last_useful_line(lines: Sequence[str]) -> str | None:
    """Return the last line that the job itself wrote, or the last error that Spark reports, or None.

    >>> last_useful_line(["ValueError: no such label", "26/11/20 16:00:01 WARN Spark: at shutdown"])
    'ValueError: no such label'
    """
    own: str | None = None
    reported: str | None = None
    is_logged = False  # an exception that follows belongs to a line of Spark's log
    for line, following in pairwise([*lines, ""]):
        if spark_line := _SPARK_LINE.match(line):
            is_logged = True
            if spark_line["level"] in ("ERROR", "FATAL"):
                reported = line.strip()
        elif line.strip() and not _JAVA_FRAME.match(line) and not _PYTHON_MARK.match(line):
            if is_logged and _JAVA_FRAME.match(following) and not line.startswith("Exception in thread"):
                continue
            own, is_logged = line.strip(), False
    return own or reported
