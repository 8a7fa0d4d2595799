"""A made-up run that passes every check, as the evidence that the checks see; tests break one fact of it at a time."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

from image_features.reduce.gram import gram_of
from image_features.reduce.pca import PcaModel, fit_pca, project
from image_features.validate.arguments import ValidateArguments
from image_features.validate.duplicates.duplicates import Duplicates
from image_features.validate.evidence.evidence import (
    Baseline,
    Evidence,
    Membership,
    RejectGroup,
    Sample,
    VectorFacts,
)
from image_features.validate.evidence.nearest import nearest_of
from tests.spark_jobs.synthetic import LABELS, SOURCE_URI, labelled_vectors, splits_of

VECTORS = {"computed": 1250, "reused": 7000, "rejected_before": 3, "same_bytes": 21}
REFITTED = {
    "action": "refit",
    "why": "a new model was asked for",
    "fitted_in": "s3://bucket/runs/one",
    "rows_fitted": 8271,
    "added": 1271,
    "removed": 4,
    "added_since_fit": 0,
    "added_share_since_fit": 0.0,
    "drift": None,
    "drift_limit": None,
}
PROJECTED = {
    **REFITTED,
    "action": "project",
    "why": "the model of snapshot abc was asked for",
    "fitted_in": "s3://bucket/runs/before",
    "rows_fitted": 7004,
    "added_since_fit": 1271,
    "added_share_since_fit": 0.154,
    "drift": 0.013,
    "drift_limit": 0.02,
}
COMPONENTS = 6
NORMS = (40.0, 50.0, 60.0)


def make_evidence(labels: tuple[str, ...] = LABELS, per_label: int = 30, **changes: Any) -> Evidence:
    """Evidence of a good run; `changes` replace whole fields of it."""
    vectors, names = labelled_vectors(labels, per_label)
    rows = np.random.default_rng(5).permutation(len(vectors))
    vectors, names, splits = vectors[rows], names[rows], splits_of(names)[rows]
    model = fit_pca(gram_of(vectors), COMPONENTS)
    projected = project(vectors, model.mean, model.projection)
    whole = Evidence(
        membership=membership_of(names, splits),
        rejects=REJECTS,
        features=facts(vectors),
        pca_features=facts(projected),
        moments=gram_of(projected),
        model=model,
        worst_error=1e-7,
        stats=stats_of(model, len(vectors)),
        sample=Sample(projected, uris_of(names, splits), names, splits),
        nearest=nearest_of(projected, 0, len(projected)),
        baseline=Baseline(published_summary(), *comparable(projected)),
        asked=asked(),
        duplicates=no_duplicates(splits),
    )
    return dataclasses.replace(whole, **changes)


# Two rejects that count and three objects that are no images.
REJECTS = (
    RejectGroup("ingest_images", "ignored_object", 3, [(f"{SOURCE_URI}/.DS_Store", None)]),
    RejectGroup("featurize_images", "decode_failed", 2, [(f"{SOURCE_URI}/a <b>&.jpg", "image file is truncated")]),
)


COUNTS = ("features", "missing", "doubled", "unknown", "repeated", "unreduced", "relabeled", "lost", "new")


def asked(max_reject_share: float = 0.05) -> ValidateArguments:
    """The command line of the run's stage."""
    names = [field.name for field in dataclasses.fields(ValidateArguments) if field.name.endswith("_uri")]
    return ValidateArguments(
        **dict.fromkeys(names, "s3://bucket/runs/one"), max_reject_share=max_reject_share, duplicate_likeness=0.955
    )


def membership_of(names: np.ndarray, splits: np.ndarray, **more: int) -> Membership:
    """Every image has features; the rejects have no label."""
    counts = {name: Counter(splits[names == name]) for name in sorted(set(names))}
    totals = {
        **dict.fromkeys(COUNTS, 0),
        "manifest": len(names) + 5,
        "features": len(names),
        "rejects": 5,
        "ignored": 3,
    }
    totals |= {"labels": len(counts), "balanced": len(counts), **more}
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1].total(), entry[0]))
    return Membership(totals, {}, ranked if len(ranked) <= 40 else ranked[:20] + ranked[-20:])


def no_duplicates(splits: np.ndarray, **changes: Any) -> Duplicates:
    """Every image is alone, and the split stays as it is."""
    test = int(np.sum(splits == "Test"))
    found = Duplicates(0.955, 0, 0, 0, 1, test, 0, (), np.arange(len(splits)), splits)
    return dataclasses.replace(found, **changes)


def facts(vectors: np.ndarray, **changes: Any) -> VectorFacts:
    rows, width = vectors.shape
    whole = VectorFacts(rows, width, width, non_finite=0, zero=0, repeated=0, norms=NORMS)
    return dataclasses.replace(whole, **changes)


def stats_of(model: PcaModel, images: int) -> dict[str, Any]:
    weights = {"source": "imagenet", "sha256": "ab" * 32, "pretrained": True}
    identity = {"backbone": "mobilenet_v2", "precision": "float32", "resize": "bilinear", "engine": "openvino"}
    details = {
        "ingest_images": {"labels": 3},
        "featurize_images": {"dimension": len(model.mean), "weights": weights, "vectors": VECTORS},
        "reduce_features": {
            "components": len(model.explained_variance_ratio),
            "dimension": len(model.mean),
            "spectrum": model.spectrum.tolist(),
            "explained_variance": float(model.explained_variance_ratio.sum()),
            "model": REFITTED,
        },
    }
    rows = {"ingest_images": (images + 5, images), "featurize_images": (images, images)}
    arguments = {
        "featurize_images": identity,
        "reduce_features": {"pca_components": COMPONENTS, "explained_variance": None},
    }
    return {
        stage: {
            "stage": stage,
            "rows_in": rows.get(stage, (images, images))[0],
            "rows_out": rows.get(stage, (images, images))[1],
            "seconds": 12.5,
            "arguments": arguments.get(stage, {"source_uri": SOURCE_URI}),
            "versions": {"python": "3.11.7", "spark": "3.5.9"},
            "details": of_stage,
        }
        for stage, of_stage in details.items()
    }


def published_summary() -> dict[str, Any]:
    return {
        "linear_probe_accuracy": 0.9,
        "knn_accuracy": 0.9,
        "norm_quantiles": list(NORMS),
        "dead_dimensions": 0.04,
        "repeated_vectors": 0.0,
    }


def comparable(projected: np.ndarray, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of the same rows, the second moved by `shift` deviations of the first component."""
    then, now = projected[::2].astype(float), projected[1::2].astype(float)
    now[:, 0] += shift * projected[:, 0].std()
    return then, now


def uris_of(names: np.ndarray, splits: np.ndarray) -> np.ndarray:
    pairs = enumerate(zip(splits, names, strict=True))
    return np.array([f"{SOURCE_URI}/{split}/{name}/{number}.jpg" for number, (split, name) in pairs], dtype=object)


def with_model(evidence: Evidence, model: dict[str, Any] | None, explained_variance: float | None = None) -> Evidence:
    """The same run, whose reduce_features says so of its model; `explained_variance` is what was asked for."""
    reduce = dict(evidence.stats["reduce_features"] or {})
    reduce["details"] = {**reduce["details"], "model": model}
    if explained_variance is not None:
        reduce["arguments"] = {"pca_components": None, "explained_variance": explained_variance}
    return dataclasses.replace(evidence, stats={**evidence.stats, "reduce_features": reduce})
