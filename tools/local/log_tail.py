"""The end of a log file, for an error message."""

from pathlib import Path

TAIL_BYTES = 64 * 1024


def tail(path: str | Path, lines: int = 15) -> str:
    """Return the last lines of a file that may be missing or of any size."""
    try:
        with Path(path).open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])
