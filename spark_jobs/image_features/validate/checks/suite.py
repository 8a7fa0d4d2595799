"""All checks, in the order in which the report shows them. None is left out because another one failed."""

from __future__ import annotations

from image_features.unavailable import Unavailable
from image_features.validate.checks import completeness, drift, membership, model_fit, pca, probes, vectors
from image_features.validate.checks.check import Finding
from image_features.validate.checks.probes import Probe
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import detail, fitted_elsewhere


def run_checks(evidence: Evidence, probe: Probe | Unavailable) -> list[Finding]:
    """Judge the evidence by every check. A new check needs its line here and nothing else outside its own module."""
    stats, counts, model, baseline = evidence.stats, evidence.membership, evidence.model, evidence.baseline
    features, pca_features = evidence.features, evidence.pca_features
    featurize, reduce = stats["featurize_images"], stats["reduce_features"]
    elsewhere = fitted_elsewhere(reduce)
    moments = Unavailable(elsewhere) if elsewhere else evidence.moments
    return [
        completeness.stages_complete(stats),
        completeness.row_counts_agree(stats, counts, features, pca_features),
        membership.every_object_once(counts),
        membership.image_id_unique(counts),
        membership.pca_features_complete(counts),
        membership.labels_kept(counts),
        membership.reject_share(counts, evidence.asked.max_reject_share),
        vectors.width(vectors.FEATURES_WIDTH, features, detail(featurize, "dimension"), "featurize_images"),
        vectors.width(vectors.PCA_FEATURES_WIDTH, pca_features, detail(reduce, "components"), "reduce_features"),
        vectors.finite(vectors.FEATURES_FINITE, features, "featurize_images"),
        vectors.finite(vectors.PCA_FEATURES_FINITE, pca_features, "reduce_features"),
        vectors.no_zero_vectors(features),
        pca.pca_means_zero(moments),
        pca.pca_covariance_diagonal(moments),
        pca.model_reproduces_rows(model),
        pca.explained_variance_ordered(model),
        pca.explained_variance_enough(model, reduce),
        pca.explained_variance_true(model, moments),
        probes.linear_probe_accuracy(probe, _published(evidence, "linear_probe_accuracy")),
        probes.knn_accuracy(probe, _published(evidence, "knn_accuracy")),
        vectors.dead_dimensions(model, _published(evidence, "dead_dimensions")),
        vectors.repeated_vectors(features, _published(evidence, "repeated_vectors")),
        model_fit.model_drift(reduce),
        drift.norm_quantiles(features, baseline),
        drift.drift_classifier(baseline),
        drift.drift_psi(baseline),
    ]


def _published(evidence: Evidence, name: str) -> float | None:
    """Return a number of the published run, or None if there is none to compare with."""
    return None if isinstance(evidence.baseline, Unavailable) else evidence.baseline.summary.get(name)
