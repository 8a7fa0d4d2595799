"""The run in a dozen numbers, for `validation.json`, the head of the report and the next run's comparison."""

from __future__ import annotations

from typing import Any

from image_features.unavailable import Unavailable
from image_features.validate.checks.membership import reject_share_of
from image_features.validate.checks.probes import Probe
from image_features.validate.checks.vectors import dead_share, repeated_share
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import detail, fitted_elsewhere, vector_identity


def summarize(evidence: Evidence, probe: Probe | Unavailable) -> dict[str, Any]:
    """Return the numbers, None for each that could not be measured."""
    counts, model = evidence.membership, evidence.model
    loaded = None if isinstance(model, Unavailable) else model
    scored = None if isinstance(probe, Unavailable) else probe
    return {
        "objects": counts.total("manifest"),
        "images": evidence.features.rows,
        "rejects": counts.total("rejects") - counts.total("ignored"),
        "ignored_objects": counts.total("ignored"),
        "reject_share": reject_share_of(counts),
        "labels": len(counts.labels("features")),
        "components": len(loaded.explained_variance_ratio) if loaded else None,
        "explained_variance": _explained_variance(evidence),
        "linear_probe_accuracy": scored.linear_accuracy if scored else None,
        "knn_accuracy": scored.knn_accuracy if scored else None,
        "scored": probe.reason if isinstance(probe, Unavailable) else probe.described,
        "norm_quantiles": list(evidence.features.norms),
        "dead_dimensions": dead_share(loaded.std) if loaded else None,
        "repeated_vectors": repeated_share(evidence.features),
        # Where each vector and the model come from. Stages of a version that always computed all do not say it.
        "vectors": detail(evidence.stats["featurize_images"], "vectors"),
        "model": detail(evidence.stats["reduce_features"], "model"),
        **vector_identity(evidence.stats["featurize_images"]),
    }


def _explained_variance(evidence: Evidence) -> float | None:
    """Return the share of this run's rows: the model itself knows only what it explained of the rows of its fit."""
    reduce = evidence.stats["reduce_features"]
    if isinstance(evidence.model, Unavailable):
        return None
    if fitted_elsewhere(reduce):
        kept: float | None = detail(reduce, "explained_variance")
        return kept
    return float(evidence.model.explained_variance_ratio.sum())
