"""Pure: everything that the page shows, computed before the template, which only lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from image_features.validate.checks.check import Check
from image_features.validate.checks.model_fit import fitted_elsewhere
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence, Membership, Stats
from image_features.validate.report import charts
from image_features.validate.report.neighbors import Neighborhood, neighborhoods, one_of_each_label
from image_features.validate.report.provenance import model_facts, vector_facts
from image_features.validate.report.titles import TITLES, written

WORST_CLASSES = 8
CONFUSIONS = 3
_ORDER = ("failed", "warned", "skipped", "passed")


def page_content(
    run_uri: str,
    verdict: str,
    checks: Sequence[Check],
    evidence: Evidence,
    probe: Probe | str,
    summary: Mapping[str, Any],
) -> dict[str, Any]:
    sample = evidence.sample
    weights = summary["weights"] or {}
    return {
        "run": run_uri.rpartition("/")[2],
        "run_uri": run_uri,
        "verdict": verdict,
        "counts": {of: sum(check.verdict == of for check in checks) for of in _ORDER},
        "tiles": tiles(summary),
        "random_weights": weights.get("source") if weights and not weights.get("pretrained") else None,
        "checks": [check_row(check) for check in sorted(checks, key=lambda check: _ORDER.index(check.verdict))],
        "fitted_elsewhere": fitted_elsewhere(evidence.stats["reduce_features"]),
        "vector_facts": vector_facts(summary["vectors"]),
        "model_facts": model_facts(summary["model"], summary["images"]),
        "variance_chart": _variance_chart(evidence),
        "scatter_chart": charts.scatter(sample.vectors, sample.labels) if _can_scatter(evidence) else None,
        "legend": charts.legend_labels(sample.labels) if len(sample.labels) else [],
        "balance_chart": balance_chart(evidence.membership),
        "splits": [(split or "no split", charts.SPLIT_COLORS[split]) for split in _splits(evidence.membership)],
        "probe": probe if isinstance(probe, Probe) else None,
        "probe_reason": probe if isinstance(probe, str) else None,
        "worst_classes": worst_classes(probe) if isinstance(probe, Probe) else [],
        "rejects": evidence.rejects,
        "times_chart": _times_chart(evidence.stats),
        "arguments": {stage: stats["arguments"] for stage, stats in evidence.stats.items() if stats},
        "versions": _versions(evidence.stats),
        "summary": summary,
    }


def shown_photographs(evidence: Evidence, probe: Probe | str) -> tuple[list[int], list[Neighborhood]]:
    """Places in the sample of the contact sheet and of the neighborhoods."""
    return one_of_each_label(evidence.sample), neighborhoods(evidence.sample, probe)


def tiles(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers at the head of the page, with what each is."""
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


def check_row(check: Check) -> dict[str, str]:
    return {
        "title": TITLES[check.name],
        "name": check.name,
        "kind": check.kind,
        "verdict": check.verdict,
        "value": written(check.name, check.value),
        "limit": written(check.name, check.limit),
        "advice": check.advice,
    }


def worst_classes(probe: Probe) -> list[dict[str, Any]]:
    """The labels that the linear probe recognizes least often, with what it takes them for; perfect ones left out."""
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
    counts: dict[str, dict[str | None, int]] = {}
    for of_class in membership.classes:
        if of_class.features:
            of_label = counts.setdefault("no label" if of_class.label is None else of_class.label, {})
            of_label[of_class.split] = of_label.get(of_class.split, 0) + of_class.features
    return charts.class_balance(counts) if counts else None


def _versions(stats: Mapping[str, Stats | None]) -> dict[str, str]:
    """Of all stages together: they run in one environment."""
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
