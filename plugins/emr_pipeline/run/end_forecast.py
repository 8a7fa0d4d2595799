"""When a stage and its run will end, from the pace of the stage and from what the former run took; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from run_contract.stages import REDUCE, STAGES, VALIDATE

MEASURED_S = 60.0
"""A pace that was measured for less time says little."""
ALIKE = (REDUCE, VALIDATE)
"""Stages that take as long as in the former run, image by image. The others work on what is new alone."""


class Pace:
    """The pace of a stage, measured from the first look on."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def left_s(self, progress: Mapping[str, Any] | None, now: float) -> float | None:
        """Return how long the stage will still count; null while that is not known.

        >>> pace = Pace()
        >>> pace.left_s({"done": 100, "total": 1000}, 0.0)
        >>> pace.left_s({"done": 200, "total": 1000}, 100.0)
        800.0
        """
        if not progress or progress.get("total") is None:
            return None
        done = int(progress["done"])
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        measured_s, more = now - self._first[0], done - self._first[1]
        if measured_s < MEASURED_S or more <= 0:
            return None
        return max(0, int(progress["total"]) - done) * measured_s / more


@dataclass(frozen=True)
class Forecast:
    """The earliest ends of a stage and of its run, without its teardown, in seconds since the epoch."""

    stage_end: float
    run_end: float

    def text(self) -> str:
        return f"the stage ends about {clock(self.stage_end)}, the run about {clock(self.run_end)}"

    def lateness(self, stage: str, stage_limit: float, wanted_end: float | None) -> dict[str, str] | None:
        """Return who misses a time, the stage or the run, as `about`, and the words as `text`; null if nobody will."""
        if self.stage_end > stage_limit:
            text = (
                f"{stage} will end about {clock(self.stage_end)}, and at {clock(stage_limit)} it will be cancelled: "
                f"raise FRUIT_FEATURES_{stage.upper()}_TIME_LIMIT_S before the next run, or take a larger cluster"
            )
            return {"about": stage, "text": text}
        if wanted_end is not None and self.run_end > wanted_end:
            text = f"the run will end about {clock(self.run_end)}, and was wanted by {clock(wanted_end)}"
            return {"about": "run", "text": text}
        return None


def forecast(
    stage: str, left_s: float | None, ran_s: float, former_s: Mapping[str, float], now: float
) -> Forecast | None:
    """Return the forecast for a stage that has run for `ran_s`; null if neither its pace nor a former run says one.

    `former_s` are the seconds of the stages of the former run, as `scaled` returns them. What is not known counts as
    nothing, so the ends are the earliest ones.

    >>> forecast("reduce_features", None, 10, {"reduce_features": 30, "validate_run": 40}, 100.0)
    Forecast(stage_end=120.0, run_end=160.0)
    """
    if left_s is None:
        if stage not in former_s:
            return None
        left_s = max(0.0, former_s[stage] - ran_s)
    names = [each.name for each in STAGES]
    later_s = sum(former_s.get(name, 0.0) for name in names[names.index(stage) + 1 :])
    return Forecast(now + left_s, now + left_s + later_s)


def scaled(former: Mapping[str, Mapping[str, Any]], images: int | None) -> dict[str, float]:
    """Return the seconds that stages will take as they did in the former run, for this number of images.

    `former` are its stats by stage. Where the number is not known yet, it counts as the former one.

    >>> scaled({"reduce_features": {"seconds": 30.0, "rows_in": 100}}, 200)
    {'reduce_features': 60.0}
    """
    found = {}
    for stage in ALIKE:
        seconds, rows = (former.get(stage, {}).get(name) for name in ("seconds", "rows_in"))
        if seconds and rows:
            found[stage] = float(seconds) * (images / rows if images else 1.0)
    return found


def clock(seconds: float) -> str:
    """Return a time of the day.

    >>> clock(0.0)
    '1970-01-01 00:00 UTC'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
