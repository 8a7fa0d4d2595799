"""Pure: what the checks are called on the page, and how their numbers are written."""

from __future__ import annotations

from image_features.validate.checks.check import Value

TITLES = {
    "stages_complete": "Every stage before this one finished",
    "row_counts_agree": "Every dataset holds as many rows as its stage counted",
    "every_object_once": "Every object is in exactly one of features and rejects",
    "image_id_unique": "Image ids are unique",
    "pca_features_complete": "Every image with features has PCA features",
    "labels_kept": "No label is lost, new or changed",
    "reject_share": "Few enough images were rejected",
    "features_width": "Feature vectors are as wide as the backbone's",
    "pca_features_width": "PCA features are as wide as the model's",
    "features_finite": "No NaN or Inf in features",
    "pca_features_finite": "No NaN or Inf in PCA features",
    "no_zero_vectors": "No feature vector is zero",
    "pca_means_zero": "PCA features are centered (largest mean, in deviations)",
    "pca_covariance_diagonal": "PCA features are uncorrelated (largest correlation)",
    "model_reproduces_rows": "The saved model loads and reproduces stored rows (worst relative error)",
    "explained_variance_ordered": "Components are in falling order (largest rise)",
    "explained_variance_enough": "The components explain the share asked for",
    "components_as_asked": "There are as many components as asked for",
    "explained_variance_true": "Stored variances are those the model claims (worst relative error)",
    "linear_probe_accuracy": "A linear probe beats guessing",
    "knn_accuracy": "Nearest neighbors beat guessing",
    "dead_dimensions": "Few dimensions never vary",
    "repeated_vectors": "Few vectors repeat another exactly",
    "model_drift": "The model keeps nearly what a new one would (share of variance lost)",
    "norm_quantiles": "Norms are those of the published run (largest change)",
    "drift_classifier_auc": "No classifier tells this run from the published one (AUC)",
    "drift_psi": "The first components are distributed as published (PSI)",
}
SHARES = {
    "reject_share",
    "explained_variance_enough",
    "linear_probe_accuracy",
    "knn_accuracy",
    "dead_dimensions",
    "repeated_vectors",
    "model_drift",
    "norm_quantiles",
}


def written(name: str, value: Value) -> str:
    """A check's value or limit as a person reads it."""
    if value is None:
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if name in SHARES:
        return f"{value:.1%}"
    return f"{value:.3g}"
