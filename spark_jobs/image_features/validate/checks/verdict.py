"""Pure: whether a run passed, and the error of one that did not."""

from __future__ import annotations

from collections.abc import Sequence

from image_features.errors import ImageFeaturesError
from image_features.validate.checks.check import Check


class ValidationFailedError(ImageFeaturesError):
    """The run does not hold what it promises; its report is written and says so at length."""

    def __init__(self, report_uri: str, checks: Sequence[Check]) -> None:
        self.report_uri, self.checks = report_uri, tuple(checks)
        found = "; ".join(f"{check.name} is {check.value}, limit {check.limit}: {check.advice}" for check in checks)
        super().__init__(f"{report_uri}: {len(checks)} hard checks failed. {found}. The page there says more")


def failed(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.verdict == "failed"]


def verdict_of(checks: Sequence[Check]) -> str:
    return "failed" if failed(checks) else "passed"
