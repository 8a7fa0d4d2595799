"""Pure: what one check found, in the shape that `validation.json` and the report show."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

Kind = Literal["hard", "soft"]
Verdict = Literal["passed", "failed", "warned", "skipped"]
Value = float | int | str | None


@dataclass(frozen=True)
class Check:
    """`value` was measured, `limit` is what it was held against, `advice` says what to do, or why nothing was checked.

    A hard check fails the run; a soft one warns.
    """

    name: str
    kind: Kind
    verdict: Verdict
    value: Value
    limit: Value
    advice: str

    def to_json(self) -> dict[str, Value]:
        """As a JSON object: NaN and Inf, which JSON does not have, as text."""
        return {
            name: str(entry) if isinstance(entry, float) and not math.isfinite(entry) else entry
            for name, entry in asdict(self).items()
        }


def hard(name: str, holds: bool, value: Value, limit: Value, advice: str) -> Check:
    """Passed, or failed with advice."""
    return Check(name, "hard", "passed" if holds else "failed", value, limit, "" if holds else advice)


def soft(name: str, holds: bool, value: Value, limit: Value, advice: str) -> Check:
    """Passed, or a warning with advice."""
    return Check(name, "soft", "passed" if holds else "warned", value, limit, "" if holds else advice)


def skipped(name: str, kind: Kind, reason: str, value: Value = None) -> Check:
    """Could not be judged, and why. A value that was measured all the same is kept."""
    return Check(name, kind, "skipped", value, None, reason)
