"""The report of a run: `validation.json` for programs, `index.html` for people."""

from collections.abc import Sequence
from dataclasses import asdict

from image_features.errors import Unavailable
from image_features.storage import objects
from image_features.validate.checks.check import Finding, failed
from image_features.validate.checks.probes import Probe
from image_features.validate.checks.summary import summarize
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.report.page import render_page
from image_features.validate.report.thumbnails import read_photograph


def write_report(
    report_uri: str,
    findings: Sequence[Finding],
    evidence: Evidence,
    probe: Probe | Unavailable,
    has_explorer: bool,
) -> None:
    """Write both files under `report_uri`, a folder in that of the run; the page links the explorer if there is one."""
    run_uri, summary = report_uri.rpartition("/")[0], summarize(evidence, probe, findings)
    page = render_page(run_uri, findings, evidence, probe, summary, read_photograph, has_explorer)
    objects.write_bytes(f"{report_uri}/index.html", page.encode(), "text/html; charset=utf-8")
    validation = {"verdict": "failed" if failed(findings) else "passed", "run_uri": run_uri, "summary": summary}
    checks = [asdict(found) for found in findings]
    objects.write_json(f"{report_uri}/validation.json", {**validation, "checks": checks})
