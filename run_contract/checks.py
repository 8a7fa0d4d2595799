"""The checks of validate_run, in the order in which the report shows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckForm:
    """One check as people know it; a hard one fails the run, a soft one warns. A share is shown in per cent."""

    name: str
    title: str
    is_hard: bool = True
    is_share: bool = False


CHECKS = (
    CheckForm("stages_complete", "Every stage before this one finished"),
    CheckForm("row_counts_agree", "Every dataset holds as many rows as its stage counted"),
    CheckForm("every_object_once", "Every object is in exactly one of features and rejects"),
    CheckForm("image_id_unique", "Image ids are unique"),
    CheckForm("pca_features_complete", "Every image with features has PCA features"),
    CheckForm("labels_kept", "No label is lost, new or changed"),
    CheckForm("labels_file_fits", "Every row of the labels file has its photograph (rows without one)", is_hard=False),
    CheckForm("reject_share", "Few enough images were rejected", is_share=True),
    CheckForm("features_width", "Feature vectors are as wide as the backbone's output"),
    CheckForm("pca_features_width", "PCA features are as wide as the model's output"),
    CheckForm("features_finite", "Features hold no NaN or Inf"),
    CheckForm("pca_features_finite", "PCA features hold no NaN or Inf"),
    CheckForm("no_zero_vectors", "No feature vector is zero"),
    CheckForm("pca_means_zero", "PCA features are centered (largest mean, in deviations)"),
    CheckForm("pca_covariance_diagonal", "PCA features are uncorrelated (largest correlation)"),
    CheckForm("model_reproduces_rows", "The saved model loads and reproduces stored rows (worst relative error)"),
    CheckForm("explained_variance_ordered", "Components are in falling order (largest rise)"),
    CheckForm("explained_variance_enough", "The components explain the share that was asked for", is_share=True),
    CheckForm("components_as_asked", "There are as many components as were asked for"),
    CheckForm("explained_variance_true", "Stored variances are those that the model claims (worst relative error)"),
    CheckForm("linear_probe_accuracy", "A linear probe beats guessing", is_hard=False, is_share=True),
    CheckForm("knn_accuracy", "Nearest neighbors beat guessing", is_hard=False, is_share=True),
    CheckForm("dead_dimensions", "Few dimensions never vary", is_hard=False, is_share=True),
    CheckForm("repeated_vectors", "Few vectors repeat another exactly", is_hard=False, is_share=True),
    CheckForm("split_leaks", "Few photographs of Test have a near-duplicate in Training", is_hard=False, is_share=True),
    CheckForm(
        "model_drift",
        "The model keeps nearly what a new one would (share of variance lost)",
        is_hard=False,
        is_share=True,
    ),
    CheckForm("norm_quantiles", "Norms are those of the published run (largest change)", is_hard=False, is_share=True),
    CheckForm("drift_classifier_auc", "No classifier separates this run from the published one (AUC)", is_hard=False),
    CheckForm("drift_psi", "The first components are distributed as published (PSI)", is_hard=False),
)
