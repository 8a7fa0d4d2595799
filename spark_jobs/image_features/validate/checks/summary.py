"""Pure: the run in a dozen numbers, for `validation.json`, the report's head and the next run's comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_features.validate.checks.membership import reject_share_of
from image_features.validate.checks.model_fit import fitted_elsewhere
from image_features.validate.checks.probes import Probe
from image_features.validate.checks.vectors import dead_share, repeated_share
from image_features.validate.evidence.evidence import Evidence, Stats
from run_contract.params import params_of
from run_contract.stages import FEATURIZE

_VECTOR_DETAILS = (*(param.name for param in params_of(FEATURIZE)), "dimension")


def vector_identity(featurize: Stats | None) -> dict[str, Any]:
    """What the vectors are of, flat, from the stats of featurize_images; None where they are missing."""
    details: Mapping[str, Any] = featurize["details"] if featurize else {}
    weights = details.get("weights") or {}
    identity = {name: details.get(name) for name in _VECTOR_DETAILS}
    return identity | {"weights": weights or None, "weights_sha256": weights.get("sha256")}


def summarize(evidence: Evidence, probe: Probe | str) -> dict[str, Any]:
    counts, model = evidence.membership, evidence.model
    loaded = None if isinstance(model, str) else model
    scored = None if isinstance(probe, str) else probe
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
        "scored": scored.described if scored else probe,
        "norm_quantiles": list(evidence.features.norms),
        "dead_dimensions": dead_share(loaded.std) if loaded else None,
        "repeated_vectors": repeated_share(evidence.features),
        # Where each vector and the model come from; not known of stages of a version that computed all of them anew.
        "vectors": _detail(evidence.stats["featurize_images"], "vectors"),
        "model": _detail(evidence.stats["reduce_features"], "model"),
        **vector_identity(evidence.stats["featurize_images"]),
    }


def _explained_variance(evidence: Evidence) -> float | None:
    """Of this run's rows: a model that was fitted on others knows only what it explained of those."""
    if isinstance(evidence.model, str):
        return None
    if fitted_elsewhere(evidence.stats["reduce_features"]):
        return _detail(evidence.stats["reduce_features"], "explained_variance")
    return float(evidence.model.explained_variance_ratio.sum())


def _detail(stats: Stats | None, name: str) -> Any:
    return None if stats is None else stats["details"].get(name)
