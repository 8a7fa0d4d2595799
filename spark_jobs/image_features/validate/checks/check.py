"""A check as the report names it, and what it found, in the shape of `validation.json`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["hard", "soft"]
Verdict = Literal["passed", "failed", "warned", "skipped"]
Value = float | int | str | None


@dataclass(frozen=True)
class Check:
    """A rule that a finished run should keep. A hard check fails the run; a soft one warns.

    `title` is its line in the report, where the values of a check that `is_share` stand in per cent.
    """

    name: str
    kind: Kind
    title: str
    is_share: bool = False

    def judge(self, holds: bool, value: Value, limit: Value, advice: str) -> Finding:
        """Return that it passed, or that it failed or warned, with advice.

        >>> Check("no_zero_vectors", "hard", "No vector is zero").judge(False, 4, 0, "look at the weights").verdict
        'failed'
        """
        if holds:
            return Finding(self, "passed", value, limit, "")
        return Finding(self, "failed" if self.kind == "hard" else "warned", value, limit, advice)

    def skip(self, reason: str, value: Value = None) -> Finding:
        """Return that it could not be judged, and why. A value that was measured nevertheless is kept."""
        return Finding(self, "skipped", value, None, reason)


@dataclass(frozen=True)
class Finding:
    """What a check found: `value` was measured and compared with `limit`.

    `advice` says what to do, or why nothing was judged.
    """

    check: Check
    verdict: Verdict
    value: Value
    limit: Value
    advice: str

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def kind(self) -> Kind:
        return self.check.kind

    def to_json(self) -> dict[str, Value]:
        """Return a JSON object. JSON has no NaN and no Inf, so they become text."""
        return {
            "name": self.name,
            "kind": self.kind,
            "verdict": self.verdict,
            "value": _as_json(self.value),
            "limit": _as_json(self.limit),
            "advice": self.advice,
        }


def _as_json(value: Value) -> Value:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
