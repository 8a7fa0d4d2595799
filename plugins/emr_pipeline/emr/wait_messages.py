"""Log lines about a step that a task waits for: how long it has waited, and how far the stage is."""

from collections.abc import Mapping
from typing import Any

from emr_pipeline.settings import HOUR_S


def duration_text(seconds: float) -> str:
    """Return a duration as a person reads it.

    >>> [duration_text(seconds) for seconds in (42.9, 187, 21_600)]
    ['42 s', '3 min 7 s', '6 h 0 min']
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // HOUR_S} h {whole % HOUR_S // 60} min"


def progress_text(state: str, progress: Mapping[str, Any] | None) -> str:
    """Return the step's state, and the count of progress/<stage>.json if the stage wrote one.

    >>> progress_text("RUNNING", {"done": 1200, "total": 90000, "unit": "images"})
    'RUNNING, 1,200 of 90,000 images'
    """
    if not progress or progress.get("total") is None:
        return state
    return f"{state}, {progress['done']:,} of {progress['total']:,} {progress['unit']}"


def waiting_text(stage: str, what: str, waited_s: float, limit_s: float) -> str:
    """Return the line that says what a stage does and how long it may take.

    >>> waiting_text("featurize_images", "RUNNING", 187, 21_600)
    'featurize_images: RUNNING; waited 3 min 7 s of at most 6 h 0 min'
    """
    return f"{stage}: {what}; waited {duration_text(waited_s)} of at most {duration_text(limit_s)}"
