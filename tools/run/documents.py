"""JSON documents that a run leaves in the bucket, read from the bucket's folder."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path, since: float = 0.0) -> dict[str, Any] | None:
    """Return a document; None if it is not there, not whole yet, or older than `since`, in seconds of the epoch.

    A run of the same name may have left it there earlier.
    """
    try:
        if path.stat().st_mtime < since:
            return None
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return read
