"""The run in numbers, for `validation.json`, the head of the report and the next run's comparison."""

from collections.abc import Sequence
from typing import Any

from image_features.errors import Unavailable
from image_features.validate.checks.check import Finding
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import detail, fitted_elsewhere
from run_contract.param_queries import params_of
from run_contract.stages import FEATURIZE, REDUCE


def summarize(evidence: Evidence, probe: Probe | Unavailable, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the numbers, None for each that could not be measured."""
    counts, model = evidence.membership.totals, evidence.model
    featurize, reduce = evidence.stats[FEATURIZE], evidence.stats[REDUCE]
    asked, weights = featurize["arguments"] if featurize else {}, detail(featurize, "weights") or {}
    values = {found.name: found.value for found in findings}
    components, explained_variance = None, None
    if not isinstance(model, Unavailable):
        components = len(model.explained_variance_ratio)
        explained_variance = float(model.explained_variance_ratio.sum())
        if fitted_elsewhere(reduce):
            # Of this run's rows: the model itself knows only what it explained of the rows of its fit.
            explained_variance = detail(reduce, "explained_variance")
    return {
        "objects": counts["manifest"],
        "images": evidence.features.rows,
        "rejects": counts["rejects"] - counts["ignored"],
        "ignored_objects": counts["ignored"],
        "reject_share": values["reject_share"],
        "labels": counts["labels"],
        "images_by_label": {label: sum(splits.values()) for label, splits in evidence.membership.balance},
        "components": components,
        "explained_variance": explained_variance,
        "linear_probe_accuracy": values["linear_probe_accuracy"],
        "knn_accuracy": values["knn_accuracy"],
        "scored": probe.reason if isinstance(probe, Unavailable) else probe.described,
        **_grouped(probe),
        **_doubts(evidence),
        "norm_quantiles": list(evidence.features.norms),
        "dead_dimensions": values["dead_dimensions"],
        "repeated_vectors": values["repeated_vectors"],
        # Where each vector and the model come from. Stages of a version that always computed all do not say it.
        "vectors": detail(featurize, "vectors"),
        "model": detail(reduce, "model"),
        # What the vectors are known by.
        **{param.name: asked.get(param.name) for param in params_of(FEATURIZE) if param.name != "weights"},
        "dimension": detail(featurize, "dimension"),
        "weights": weights or None,
        "weights_sha256": weights.get("sha256"),
    }


def _grouped(probe: Probe | Unavailable) -> dict[str, Any]:
    """Return the accuracies with near-duplicates kept together."""
    grouped = probe if isinstance(probe, Unavailable) else probe.grouped
    return {
        "grouped_linear_probe_accuracy": grouped.linear_accuracy if isinstance(grouped, Probe) else None,
        "grouped_knn_accuracy": grouped.knn_accuracy if isinstance(grouped, Probe) else None,
        "grouped_scored": grouped.described if isinstance(grouped, Probe) else grouped.reason,
    }


def _doubts(evidence: Evidence) -> dict[str, Any]:
    """Return how many images are doubtful, by what is doubtful of them."""
    duplicates, names = evidence.duplicates, ("least", "pairs", "groups", "grouped", "test", "leaked")
    known = None if isinstance(duplicates, Unavailable) else {name: getattr(duplicates, name) for name in names}
    return {
        "suspects": None if isinstance(evidence.suspects, Unavailable) else len(evidence.suspects.found),
        "flaws": {flaw: count for flaw, count in evidence.flaws.counts.items() if flaw not in evidence.flaws.usual},
        "near_duplicates": known,
    }
