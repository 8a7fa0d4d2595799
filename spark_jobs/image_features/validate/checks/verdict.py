"""The verdict on a run, and the error of a run that failed."""

from __future__ import annotations

from collections.abc import Sequence

from image_features.errors import ImageFeaturesError
from image_features.validate.checks.check import Finding, Verdict


class ValidationFailedError(ImageFeaturesError):
    """The run failed a hard check; its report is written and explains each."""

    def __init__(self, report_uri: str, findings: Sequence[Finding]) -> None:
        self.report_uri, self.findings = report_uri, tuple(findings)
        named = "; ".join(f"{found.name} is {found.value}, limit {found.limit}: {found.advice}" for found in findings)
        super().__init__(f"{report_uri}: {len(findings)} hard checks failed. {named}. The page there says more")


def failed(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of hard checks that failed."""
    return [found for found in findings if found.verdict == "failed"]


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Return `failed` if a hard check failed, otherwise `passed`."""
    return "failed" if failed(findings) else "passed"
