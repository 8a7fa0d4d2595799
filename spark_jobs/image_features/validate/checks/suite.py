"""All checks, in the order in which the report shows them. None is left out because another one failed."""

from image_features.errors import Unavailable
from image_features.validate.checks import completeness, drift, leaks, membership, pca, probes, vectors
from image_features.validate.checks.check import Finding
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.stage_stats import detail, fitted_elsewhere
from run_contract.stages import FEATURIZE, INGEST, REDUCE


def run_checks(evidence: Evidence, probe: probes.Probe | Unavailable) -> list[Finding]:
    """Judge the evidence by every check. A new one needs a line here, a function, and a form in the contract."""
    stats, counts, baseline = evidence.stats, evidence.membership, evidence.baseline
    features, pca_features = evidence.features, evidence.pca_features
    featurize, reduce = stats[FEATURIZE], stats[REDUCE]
    not_loaded = evidence.model.reason if isinstance(evidence.model, Unavailable) else ""
    model = Unavailable("the model does not load") if not_loaded else evidence.model
    elsewhere = fitted_elsewhere(reduce)
    moments = Unavailable(elsewhere) if elsewhere else evidence.moments
    published = {} if isinstance(baseline, Unavailable) else baseline.summary  # Its numbers, if they compare.
    return [
        completeness.stages_complete(stats),
        completeness.row_counts_agree(stats, counts, features, pca_features),
        membership.every_object_once(counts),
        membership.image_id_unique(counts),
        membership.pca_features_complete(counts),
        membership.labels_kept(counts),
        completeness.labels_file_fits(stats[INGEST]),
        membership.reject_share(counts, evidence.asked.max_reject_share),
        vectors.features_width(features, detail(featurize, "dimension")),
        vectors.pca_features_width(pca_features, detail(reduce, "components")),
        vectors.features_finite(features),
        vectors.pca_features_finite(pca_features),
        vectors.no_zero_vectors(features),
        pca.pca_means_zero(moments),
        pca.pca_covariance_diagonal(moments),
        pca.model_reproduces_rows(evidence.worst_error, not_loaded),
        pca.explained_variance_ordered(model),
        pca.components_suffice(model, reduce),
        pca.explained_variance_true(model, moments),
        probes.linear_probe_accuracy(probe, published.get("linear_probe_accuracy")),
        probes.knn_accuracy(probe, published.get("knn_accuracy")),
        vectors.dead_dimensions(model, published.get("dead_dimensions")),
        vectors.repeated_vectors(features, published.get("repeated_vectors")),
        leaks.split_leaks(evidence.duplicates),
        drift.model_drift(reduce),
        drift.norm_quantiles(features, baseline),
        drift.drift_classifier_auc(baseline),
        drift.drift_psi(baseline),
    ]
