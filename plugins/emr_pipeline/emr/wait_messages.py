"""One line about a step that is being waited for: how long it has waited, and how far the stage says it is."""

from collections.abc import Mapping
from typing import Any

from emr_pipeline.settings import HOUR_S


def duration_text(seconds: float) -> str:
    """42 s, 3 min 7 s, 6 h 0 min."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // HOUR_S} h {whole % HOUR_S // 60} min"


def progress_text(state: str, progress: Mapping[str, Any] | None) -> str:
    """The step's state, and the count of progress/<stage>.json if the stage wrote one."""
    if not progress or progress.get("total") is None:
        return state
    return f"{state}, {progress['done']:,} of {progress['total']:,} {progress['unit']}"


def waiting_text(stage: str, what: str, waited_s: float, limit_s: float) -> str:
    return f"{stage}: {what}; waited {duration_text(waited_s)} of at most {duration_text(limit_s)}"
