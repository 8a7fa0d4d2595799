"""Pure: what the checks are called on the page, and how their numbers are written."""

from __future__ import annotations

from image_features.validate.checks.check import Value
from run_contract.checks import CHECKS

TITLES = {check.name: check.title for check in CHECKS}
SHARES = {check.name for check in CHECKS if check.is_share}


def written(name: str, value: Value) -> str:
    """A check's value or limit as a person reads it."""
    if value is None:
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if name in SHARES:
        return f"{value:.1%}"
    return f"{value:.3g}"
