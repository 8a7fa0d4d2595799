"""A check: a function that judges evidence, by a rule that the contract names, and what it finds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from image_features.errors import ImageFeaturesError, Unavailable
from run_contract.checks import CHECKS

Value = float | int | str | None
# Does the rule hold (None: that cannot be judged), what was measured, its limit, and what to do where it does not hold.
Judgement = tuple[bool | None, Value, Value, str]

FORMS = {form.name: form for form in CHECKS}


@dataclass(frozen=True)
class Finding:
    """What a check found, with the fields of `validation.json`: `value` was measured and compared with `limit`.

    `advice` says what to do, or why nothing was judged.
    """

    name: str
    kind: Literal["hard", "soft"]
    verdict: Literal["passed", "failed", "warned", "skipped"]
    value: Value
    limit: Value
    advice: str


class ValidationFailedError(ImageFeaturesError):
    """The run failed a hard check; its report is written and explains each."""

    def __init__(self, report_uri: str, findings: Sequence[Finding]) -> None:
        named = "; ".join(f"{found.name} is {found.value}, limit {found.limit}: {found.advice}" for found in findings)
        super().__init__(f"{report_uri}: {len(findings)} hard checks failed. {named}. The page there says more")


def check(judge: Callable[..., Judgement | Unavailable]) -> Callable[..., Finding]:
    """Make a check of a function, which has the name of the check's form in the contract.

    A hard check fails the run, a soft one warns. A check is skipped, with the reason, where one of its arguments is
    Unavailable or the function returns Unavailable.

    >>> @check
    ... def no_zero_vectors(zero):
    ...     return zero == 0, zero, 0, "look at the weights"
    >>> no_zero_vectors(4).verdict, no_zero_vectors(Unavailable("there are no vectors")).advice
    ('failed', 'there are no vectors')
    """
    form = FORMS[judge.__name__]

    @wraps(judge)
    def judged(*arguments: Any) -> Finding:
        missing = [argument for argument in arguments if isinstance(argument, Unavailable)]
        found = missing[0] if missing else judge(*arguments)
        if isinstance(found, Unavailable):
            found = None, None, None, found.reason
        holds, value, limit, advice = found
        if holds is None:
            verdict: Literal["passed", "failed", "warned", "skipped"] = "skipped"
        elif holds:
            verdict, advice = "passed", ""
        else:
            verdict = "failed" if form.is_hard else "warned"
        kind: Literal["hard", "soft"] = "hard" if form.is_hard else "soft"
        return Finding(form.name, kind, verdict, _as_json(value), _as_json(limit), advice)

    return judged


def failed(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of hard checks that failed. The run failed if there is one."""
    return [found for found in findings if found.verdict == "failed"]


def _as_json(value: Value) -> Value:
    # JSON has no NaN and no Inf, so they become text.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
