"""Everything that the page shows, computed before the template, which only lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from image_features.unavailable import Unavailable
from image_features.validate.checks.check import Check, Finding, Value
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence, Membership
from image_features.validate.evidence.stage_stats import Stats, fitted_elsewhere
from image_features.validate.report import charts
from image_features.validate.report.neighbors import Neighborhood, neighborhoods, one_of_each_label
from image_features.validate.report.provenance import model_facts, vector_facts

WORST_CLASSES = 8
CONFUSIONS = 3
_ORDER = ("failed", "warned", "skipped", "passed")


def page_content(
    run_uri: str,
    verdict: str,
    findings: Sequence[Finding],
    evidence: Evidence,
    probe: Probe | Unavailable,
    summary: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the template's variables, without the photographs."""
    sample = evidence.sample
    weights = summary["weights"] or {}
    return {
        "run": run_uri.rpartition("/")[2],
        "run_uri": run_uri,
        "verdict": verdict,
        "counts": {of: sum(found.verdict == of for found in findings) for of in _ORDER},
        "tiles": tiles(summary),
        "random_weights": weights.get("source") if weights and not weights.get("pretrained") else None,
        "checks": [check_row(found) for found in sorted(findings, key=lambda found: _ORDER.index(found.verdict))],
        "fitted_elsewhere": fitted_elsewhere(evidence.stats["reduce_features"]),
        "vector_facts": vector_facts(summary["vectors"]),
        "model_facts": model_facts(summary["model"], summary["images"]),
        "variance_chart": _variance_chart(evidence),
        "scatter_chart": charts.scatter(sample.vectors, sample.labels) if _can_scatter(evidence) else None,
        "legend": charts.legend_labels(sample.labels) if len(sample.labels) else [],
        "balance_chart": balance_chart(evidence.membership),
        "splits": [(split or "no split", charts.SPLIT_COLORS[split]) for split in _splits(evidence.membership)],
        "probe": probe if isinstance(probe, Probe) else None,
        "probe_reason": probe.reason if isinstance(probe, Unavailable) else None,
        "worst_classes": worst_classes(probe) if isinstance(probe, Probe) else [],
        "rejects": evidence.rejects,
        "times_chart": _times_chart(evidence.stats),
        "arguments": {stage: stats["arguments"] for stage, stats in evidence.stats.items() if stats},
        "versions": _versions(evidence.stats),
        "summary": summary,
    }


def shown_photographs(evidence: Evidence, probe: Probe | Unavailable) -> tuple[list[int], list[Neighborhood]]:
    """Return the places in the sample of the contact sheet and of the neighborhoods."""
    return one_of_each_label(evidence.sample), neighborhoods(evidence.sample, probe)


def tiles(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers at the head of the page, each with its name."""
    shares = [
        ("explained variance", summary["explained_variance"]),
        ("linear probe accuracy", summary["linear_probe_accuracy"]),
        ("5-nearest-neighbors accuracy", summary["knn_accuracy"]),
    ]
    dimensions = f"{summary['dimension'] or '?'} \u2192 {summary['components'] or '?'}"
    return [
        (f"{summary['images']:,}", "images"),
        (f"{summary['labels']:,}", "labels"),
        (f"{summary['rejects']:,}", f"rejects ({summary['reject_share']:.1%})"),
        (dimensions, f"dimensions of {summary['backbone'] or 'an unknown backbone'}"),
        *[("\u2013" if share is None else f"{share:.1%}", name) for name, share in shares],
    ]


def check_row(found: Finding) -> dict[str, str]:
    """Return a finding as the table of checks shows it."""
    return {
        "title": found.check.title,
        "name": found.name,
        "kind": found.kind,
        "verdict": found.verdict,
        "value": written(found.check, found.value),
        "limit": written(found.check, found.limit),
        "advice": found.advice,
    }


def written(check: Check, value: Value) -> str:
    """Return a value or limit of a check as a person reads it.

    >>> written(Check("reject_share", "hard", "Few rejects", is_share=True), 0.0123)
    '1.2%'
    >>> written(Check("drift_psi", "soft", "No drift"), 0.01234)
    '0.0123'
    """
    if value is None:
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1%}" if check.is_share else f"{value:.3g}"


def worst_classes(probe: Probe) -> list[dict[str, Any]]:
    """Return the labels that the linear probe recognizes least often, with its wrong answers; not the perfect ones."""
    rows = []
    for label in sorted(set(probe.truth)):
        answers = probe.linear[probe.truth == label]
        hits = int(np.sum(answers == label))
        names, counts = np.unique(answers[answers != label].astype(str), return_counts=True)
        ranked = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda entry: (-entry[1], entry[0]))
        rows.append({"label": label, "hits": hits, "scored": len(answers), "taken_for": ranked[:CONFUSIONS]})
    imperfect = [row for row in rows if row["hits"] < row["scored"]]
    return sorted(imperfect, key=lambda row: (row["hits"] / row["scored"], row["label"]))[:WORST_CLASSES]


def balance_chart(membership: Membership) -> str | None:
    """Return the chart of images by label, None if there are no images."""
    counts: dict[str, dict[str | None, int]] = {}
    for of_class in membership.classes:
        if of_class.features:
            of_label = counts.setdefault("no label" if of_class.label is None else of_class.label, {})
            of_label[of_class.split] = of_label.get(of_class.split, 0) + of_class.features
    return charts.class_balance(counts) if counts else None


def _versions(stats: Mapping[str, Stats | None]) -> dict[str, str]:
    """Return the versions of all stages together, because they run in one environment."""
    found: dict[str, str] = {}
    for of_stage in stats.values():
        found |= of_stage["versions"] if of_stage else {}
    return found


def _splits(membership: Membership) -> list[str | None]:
    found = {of_class.split for of_class in membership.classes if of_class.features}
    return [split for split in charts.SPLIT_COLORS if split in found]


def _variance_chart(evidence: Evidence) -> str | None:
    of_reduce = evidence.stats["reduce_features"]
    if of_reduce is None:
        return None
    details = of_reduce["details"]
    kept = details["explained_variance"] if fitted_elsewhere(of_reduce) else None
    return charts.explained_variance(details["spectrum"], details["components"], kept)


def _times_chart(stats: Mapping[str, Stats | None]) -> str | None:
    seconds = {stage: of_stage["seconds"] for stage, of_stage in stats.items() if of_stage}
    return charts.stage_times(seconds) if seconds else None


def _can_scatter(evidence: Evidence) -> bool:
    vectors = evidence.sample.vectors
    return len(vectors) > 1 and vectors.shape[1] > 1 and bool(np.isfinite(vectors[:, :2]).all())
