"""The page as one HTML file: its content laid out by the template, with style, charts and photographs inside."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from image_features.errors import Unavailable
from image_features.validate.checks.check import FORMS, Finding, failed
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.report import charts, content
from image_features.validate.report.neighbors import neighborhoods, one_of_each_label
from image_features.validate.report.thumbnails import thumbnails
from image_features.validate.suspects.notes import words_of

_ORDER = ("failed", "warned", "skipped", "passed")
# Names of objects may hold any character. Control characters become their pictures. What turns the direction of all
# text after it becomes a replacement character, so that no name can dress up as another one.
VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
VISIBLE |= dict.fromkeys([*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)


def render_page(
    run_uri: str,
    findings: Sequence[Finding],
    evidence: Evidence,
    probe: Probe | Unavailable,
    summary: Mapping[str, Any],
    read_bytes: Callable[[str], bytes],
    has_explorer: bool = False,
) -> str:
    """Return the whole page as HTML; `read_bytes` fetches a photograph by its URI, `has_explorer` makes a link."""
    sample, stats = evidence.sample, [of_stage for of_stage in evidence.stats.values() if of_stage]
    sheet, shown = one_of_each_label(sample), neighborhoods(sample, probe)
    places = {*sheet, *(place for query, nearest in shown for place in (query, *nearest))}
    compared = content.compared(evidence)
    style = _resource("style.css")
    page: str = _template().render(
        run=run_uri.rpartition("/")[2],
        run_uri=run_uri,
        has_explorer=has_explorer,
        verdict="failed" if failed(findings) else "passed",
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        counts=Counter(found.verdict for found in findings),
        findings=sorted(findings, key=lambda found: _ORDER.index(found.verdict)),
        evidence=evidence,
        sample=sample,
        summary=summary,
        scored=None if isinstance(probe, Unavailable) else probe,
        worst_classes=[] if isinstance(probe, Unavailable) else content.worst_classes(probe),
        sheet=sheet,
        neighborhoods=shown,
        pictures=thumbnails([*(sample.uris[place] for place in places), *content.shown_uris(compared)], read_bytes),
        grouped=probe.grouped if isinstance(probe, Probe) and isinstance(probe.grouped, Probe) else None,
        stats=stats,
        # All stages run in one environment.
        versions={name: version for of_stage in stats for name, version in of_stage["versions"].items()},
        **compared,
        **content.drawn(evidence),
    )
    return page


def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_resource),
        finalize=lambda value: value.translate(VISIBLE) if isinstance(value, str) else value,
    )
    environment.globals |= {"ticks": charts.ticks, "forms": FORMS}
    environment.filters |= {"written": content.written, "words": words_of}
    return environment.get_template("page.html.j2")


def _resource(name: str) -> str:
    # Not by path: on a cluster this package lies inside image_features.zip.
    return resources.files("image_features.validate.report").joinpath(name).read_text(encoding="utf-8")
