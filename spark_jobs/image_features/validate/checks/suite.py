"""Pure: every check, in the order in which the report shows them. None is left out because another one failed."""

from __future__ import annotations

from typing import Any

from image_features.validate.checks import completeness, drift, membership, model_fit, pca, probes, vectors
from image_features.validate.checks.check import Check, hard, skipped
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Baseline, Evidence, Stats

_OF_MOMENTS = ("pca_means_zero", "pca_covariance_diagonal")
_OF_MODEL = ("explained_variance_ordered", "explained_variance_enough")
_OF_BOTH = ("explained_variance_true",)


def run_checks(evidence: Evidence, probe: Probe | str) -> list[Check]:
    return [*_completeness(evidence), *_vectors(evidence), *_pca(evidence), *_soft(evidence, probe)]


def promised(stats: Stats | None, name: str) -> Any:
    """A detail of a stage's stats; None if the stage left none."""
    return None if stats is None else stats["details"].get(name)


def _completeness(evidence: Evidence) -> list[Check]:
    counts = evidence.membership
    return [
        completeness.stages_complete(evidence.stats),
        completeness.counts_agree(evidence.stats, counts, evidence.features, evidence.pca_features),
        membership.every_object_once(counts),
        membership.image_id_unique(counts),
        membership.pca_features_complete(counts),
        membership.labels_kept(counts),
        membership.reject_share(counts, evidence.max_reject_share),
    ]


def _vectors(evidence: Evidence) -> list[Check]:
    dimension = promised(evidence.stats["featurize_images"], "dimension")
    components = promised(evidence.stats["reduce_features"], "components")
    return [
        vectors.width("features_width", evidence.features, dimension, "featurize_images"),
        vectors.width("pca_features_width", evidence.pca_features, components, "reduce_features"),
        vectors.finite("features_finite", evidence.features, "featurize_images"),
        vectors.finite("pca_features_finite", evidence.pca_features, "reduce_features"),
        vectors.no_zero_vectors(evidence.features),
    ]


def _pca(evidence: Evidence) -> list[Check]:
    moments, model = evidence.moments, evidence.model
    asked = evidence.stats["reduce_features"]
    elsewhere = model_fit.fitted_elsewhere(asked)
    checks: list[Check] = []
    if isinstance(moments, str) or elsewhere:
        checks += [skipped(name, "hard", elsewhere or str(moments)) for name in _OF_MOMENTS]
    else:
        checks += [pca.means_zero(moments), pca.covariance_diagonal(moments)]
    if isinstance(model, str):
        advice = f"{model}: clear reduce_features"
        checks.append(hard("model_reproduces_rows", False, "not loaded", pca.REPRODUCTION_LIMIT, advice))
        checks += [skipped(name, "hard", "the model does not load") for name in (*_OF_MODEL, *_OF_BOTH)]
        return checks
    checks += [pca.model_reproduces(model), pca.variance_ordered(model)]
    if asked is None:
        checks.append(skipped("explained_variance_enough", "hard", "the stats of reduce_features are missing"))
    elif elsewhere and asked["arguments"].get("explained_variance") is not None:
        # Of the rows of its fit it explains as much. Of these it may be a little less, which model_drift is there for.
        kept = asked["details"].get("explained_variance")
        checks.append(skipped("explained_variance_enough", "hard", elsewhere, kept))
    else:
        checks.append(pca.variance_enough(model, asked["arguments"]))
    if isinstance(moments, str) or elsewhere:
        checks += [skipped(name, "hard", elsewhere or str(moments)) for name in _OF_BOTH]
    else:
        checks.append(pca.variance_as_promised(model, moments))
    return checks


def _soft(evidence: Evidence, probe: Probe | str) -> list[Check]:
    baseline, model = evidence.baseline, evidence.model
    if isinstance(model, str):
        dead = skipped("dead_dimensions", "soft", "the model does not load")
    else:
        dead = vectors.dead_dimensions(model.std, _published(baseline, "dead_dimensions"))
    return [
        probes.linear_probe_accuracy(probe, _published(baseline, "linear_probe_accuracy")),
        probes.knn_accuracy(probe, _published(baseline, "knn_accuracy")),
        dead,
        vectors.repeated_vectors(evidence.features, _published(baseline, "repeated_vectors")),
        model_fit.model_drift(evidence.stats["reduce_features"]),
        drift.norm_quantiles(evidence.features, baseline),
        drift.domain_classifier(baseline),
        drift.population_stability(baseline),
    ]


def _published(baseline: Baseline | str, name: str) -> float | None:
    """None too where the published run has other vectors: its accuracies set no limit for these."""
    return None if isinstance(baseline, str) or baseline.reason else baseline.summary.get(name)
