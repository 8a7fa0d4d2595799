"""The page as one HTML file: its content laid out by the template, with style and photographs inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Finding
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.report.content import page_content, shown_photographs
from image_features.validate.report.thumbnails import thumbnails


def render_page(
    run_uri: str,
    verdict: str,
    findings: Sequence[Finding],
    evidence: Evidence,
    probe: Probe | Unavailable,
    summary: Mapping[str, Any],
    read_bytes: Callable[[str], bytes],
) -> str:
    """Return the whole page as HTML; `read_bytes` fetches a photograph by its URI."""
    sheet, neighborhoods = shown_photographs(evidence, probe)
    places = {*sheet, *(place for of in neighborhoods for place in (of.query, *of.nearest))}
    pictures = thumbnails([evidence.sample.uris[place] for place in places], read_bytes)
    page: str = _template().render(
        **page_content(run_uri, verdict, findings, evidence, probe, summary),
        style=_resource("style.css"),
        sheet=sheet,
        neighborhoods=neighborhoods,
        sample=evidence.sample,
        pictures=pictures,
    )
    return page


def _template() -> Any:
    environment = Environment(
        autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    # Not by path: on a cluster this package lies inside image_features.zip.
    return resources.files("image_features.validate.report").joinpath(name).read_text(encoding="utf-8")
