"""What the template cannot compute: it lays out the evidence, the findings and the summary by itself."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import groupby, islice
from typing import Any

import numpy as np

from image_features.errors import Unavailable
from image_features.validate.checks.check import FORMS, Finding
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import Stats, fitted_elsewhere
from image_features.validate.report import charts
from image_features.validate.suspects.suspects import Flawed
from run_contract.stages import REDUCE

WORST_CLASSES = 8
CONFUSIONS = 3
MOST_SUSPECTS = 24
MOST_OF_A_FLAW = 6
UNKNOWN = "\u2013"


def written(found: Finding, part: str) -> str:
    """Return the value or the limit of a check as a person reads it.

    >>> written(Finding("reject_share", "hard", "passed", 0.0123, 0.05, ""), "value")
    '1.2%'
    >>> written(Finding("drift_psi", "soft", "passed", 0.01234, 0.25, ""), "value")
    '0.0123'
    """
    value = getattr(found, part)
    if isinstance(value, float):
        return f"{value:.1%}" if FORMS[found.name].is_share else f"{value:.3g}"
    return UNKNOWN if value is None else f"{value:,}" if isinstance(value, int) else value


def worst_classes(probe: Probe) -> list[dict[str, Any]]:
    """Return the labels that the linear probe recognizes least often, with its wrong answers; not the perfect ones."""
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, answer in zip(probe.truth, probe.linear, strict=True):
        answers[label][answer] += 1
    rows: list[dict[str, Any]] = []
    for label, counts in answers.items():
        scored, hits = counts.total(), counts.pop(label, 0)
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        rows.append({"label": label, "hits": hits, "scored": scored, "taken_for": ranked[:CONFUSIONS]})
    imperfect = [row for row in rows if row["taken_for"]]
    return sorted(imperfect, key=lambda row: (row["hits"] / row["scored"], row["label"]))[:WORST_CLASSES]


def drawn(evidence: Evidence) -> dict[str, Any]:
    """Return the numbers of the charts, None for each that there is nothing to draw of, with their colors."""
    reduce, sample, balance = evidence.stats[REDUCE], evidence.sample, evidence.membership.balance
    vectors = sample.vectors
    is_plane = len(vectors) > 1 and vectors.shape[1] > 1 and bool(np.isfinite(vectors[:, :2]).all())
    splits = {split for _, of_label in balance for split in of_label}
    hidden = evidence.membership.totals["balanced"] - len(balance)
    return {
        "fitted_elsewhere": fitted_elsewhere(reduce),
        "variance_chart": _variance_chart(reduce) if reduce else None,
        "scatter_chart": charts.scatter(vectors, sample.labels) if is_plane else None,
        "legend": charts.legend_labels(sample.labels),
        "balance_chart": {"labels": balance, "hidden": hidden} if balance else None,
        "splits": {split: color for split, color in charts.SPLIT_COLORS.items() if split in splits},
    }


def compared(evidence: Evidence) -> dict[str, Any]:
    """Return the near-duplicates and the suspects, None for what was not looked for, and the photographs to show."""
    duplicates = None if isinstance(evidence.duplicates, Unavailable) else evidence.duplicates
    suspects = None if isinstance(evidence.suspects, Unavailable) else evidence.suspects
    shown = suspects.found[:MOST_SUSPECTS] if suspects else []
    return {"duplicates": duplicates, "suspects": suspects, "shown_suspects": shown, "shown_flawed": _flawed(evidence)}


def shown_uris(compared: Mapping[str, Any]) -> list[str]:
    """Return the URIs of the leaks, the suspects and the flawed photographs that are shown."""
    leaks = compared["duplicates"].leaks if compared["duplicates"] else ()
    pairs = [uri for leak in leaks for uri in (leak.uri, leak.training_uri)]
    return pairs + [shown.uri for shown in (*compared["shown_suspects"], *compared["shown_flawed"])]


def _flawed(evidence: Evidence) -> list[Flawed]:
    """Return the worst photographs of each flaw."""
    by_flaw = groupby(evidence.flaws.found, lambda flawed: flawed.flaw)
    return [flawed for _, of_flaw in by_flaw for flawed in islice(of_flaw, MOST_OF_A_FLAW)]


def _variance_chart(reduce: Stats) -> dict[str, Any]:
    details = reduce["details"]
    kept = details["explained_variance"] if fitted_elsewhere(reduce) else None
    return charts.explained_variance(details["spectrum"], details["components"], kept)
