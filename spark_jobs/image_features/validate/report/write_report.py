"""The report of a run: `validation.json` for programs, `index.html` for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from image_features.storage import objects
from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Finding
from image_features.validate.checks.probes import Probe
from image_features.validate.checks.summary import summarize
from image_features.validate.checks.verdict import verdict_of
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.report.page import render_page
from image_features.validate.report.thumbnails import read_photograph


def write_report(
    report_uri: str, run_uri: str, findings: Sequence[Finding], evidence: Evidence, probe: Probe | Unavailable
) -> None:
    """Write both files under `report_uri`."""
    summary, verdict = summarize(evidence, probe), verdict_of(findings)
    page = render_page(run_uri, verdict, findings, evidence, probe, summary, read_photograph)
    objects.write_bytes(f"{report_uri}/index.html", page.encode(), "text/html; charset=utf-8")
    validation: dict[str, Any] = {"verdict": verdict, "run_uri": run_uri, "summary": summary}
    validation["checks"] = [found.to_json() for found in findings]
    objects.write_json(f"{report_uri}/validation.json", validation)
