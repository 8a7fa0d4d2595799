"""Which model a run reduces its features with: a new one, fitted on all of its rows, or that of the last snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from image_features.errors import ImageFeaturesError
from image_features.reduce.arguments import ReduceArguments
from image_features.reduce.drift import drift_of, on_rows
from image_features.reduce.pca import PcaModel, fit_pca
from image_features.reduce.run_gram import RunGram
from image_features.reduce.spark_model import ModelUnreadableError, load_model, to_pca_model, to_pipeline_model
from image_features.storage.snapshots import Snapshot, name_of, other_vectors

# What a snapshot's `model` must say for its model to be used again.
_HISTORY = ("fitted_in", "rows_fitted", "added_since_fit")


class CannotProjectError(ImageFeaturesError):
    """`--reduce project` was asked for, and there is no model that fits."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"--reduce project is not possible: {reason}; use --reduce refit, or auto, which refits by itself"
        )


@dataclass(frozen=True)
class Fitted:
    """A model, as Spark ML saves it and as it stands to the run's rows, and where it comes from."""

    pipeline: PipelineModel
    model: PcaModel
    action: Literal["refit", "project"]
    why: str
    fitted_in: str
    rows_fitted: int
    added_since_fit: int = 0
    drift: float | None = None

    @property
    def added_share_since_fit(self) -> float:
        """Of the run's rows, those that the model was not fitted on. Rows that came and went since count too."""
        return min(1.0, self.added_since_fit / self.model.rows)

    def details(self, run: RunGram) -> dict[str, Any]:
        """For the stats, as `details.model`."""
        return {
            "action": self.action,
            "why": self.why,
            "fitted_in": self.fitted_in,
            "rows_fitted": self.rows_fitted,
            "added": run.added,
            "removed": run.removed,
            "added_since_fit": self.added_since_fit,
            "added_share_since_fit": self.added_share_since_fit,
            "drift": self.drift,
            "gram": run.how,
            "gram_why": run.why,
            "gram_updates": run.kept.updates,
        }


def refuse_to_project(baseline: Snapshot | str, identity: Mapping[str, Any] | None, arguments: ReduceArguments) -> None:
    """Raises CannotProjectError where `project` is asked for and cannot be: before a row is read."""
    if arguments.reduce == "project":
        _usable(baseline, identity, arguments)


def fit_or_project(
    spark: SparkSession, run: RunGram, run_uri: str, baseline: Snapshot | str, arguments: ReduceArguments
) -> Fitted:
    """The model of this run, by `--reduce` and its limits. Raises CannotProjectError, or what `fit_pca` raises."""
    # Of so small a matrix several BLAS threads mostly wait for one another, busily: eigenvectors of 1280 x 1280 took
    # ten times the processor time on two threads, beside Spark's own.
    with threadpool_limits(limits=1):
        return _fit_or_project(spark, run, run_uri, baseline, arguments)


def _fit_or_project(
    spark: SparkSession, run: RunGram, run_uri: str, baseline: Snapshot | str, arguments: ReduceArguments
) -> Fitted:
    if arguments.reduce == "refit":
        return _refit(spark, run, run_uri, arguments, "a new model was asked for")
    try:
        projected = _projected(run, baseline, arguments)
    except CannotProjectError as error:
        if arguments.reduce == "project":
            raise
        return _refit(spark, run, run_uri, arguments, error.reason)
    if arguments.reduce == "project":
        return projected
    reason = too_far(projected, arguments)
    return _refit(spark, run, run_uri, arguments, reason, projected.drift) if reason else projected


def too_far(projected: Fitted, arguments: ReduceArguments) -> str:
    """Why `auto` does not go on with a model; empty if it does."""
    share, drift = projected.added_share_since_fit, projected.drift or 0.0
    if share > arguments.refit_share:
        return f"{share:.1%} of the rows were added since the last model was fitted, above {arguments.refit_share:.1%}"
    if drift > arguments.refit_drift:
        return f"the last model keeps {drift:.2%} less variance than a new one, above {arguments.refit_drift:.2%}"
    return ""


def _refit(
    spark: SparkSession, run: RunGram, run_uri: str, arguments: ReduceArguments, why: str, drift: float | None = None
) -> Fitted:
    model = fit_pca(run.kept.gram, arguments.pca_components, arguments.explained_variance)
    return Fitted(to_pipeline_model(spark, model), model, "refit", why, run_uri, model.rows, drift=drift)


def _projected(run: RunGram, baseline: Snapshot | str, arguments: ReduceArguments) -> Fitted:
    """The baseline's model, as it stands to this run's rows. Raises CannotProjectError."""
    snapshot = _usable(baseline, run.kept.identity, arguments)
    history = snapshot["model"]
    try:
        pipeline = load_model(snapshot["model_uri"])
    except ModelUnreadableError as error:
        raise CannotProjectError(f"the model of {name_of(snapshot)} does not load ({error.detail})") from error
    fitted = to_pca_model(pipeline, history["rows_fitted"])
    width, components = fitted.components.shape
    if width != run.kept.gram.width:
        raise CannotProjectError(f"the model of {name_of(snapshot)} is for vectors of {width} entries")
    if arguments.pca_components is not None and components != arguments.pca_components:
        asked = f"{arguments.pca_components} components are asked for"
        raise CannotProjectError(f"{asked}, and the model of {name_of(snapshot)} has {components}")
    model = on_rows(fitted, run.kept.gram)
    drift = drift_of(model)
    added = history["added_since_fit"] + run.added
    why = f"the model of {name_of(snapshot)} was asked for"
    if arguments.reduce == "auto":
        why = (
            f"the model of {name_of(snapshot)} is near enough: neither its drift nor the share of new rows is too large"
        )
    return Fitted(pipeline, model, "project", why, history["fitted_in"], fitted.rows, added, drift)


def _usable(baseline: Snapshot | str, identity: Mapping[str, Any] | None, arguments: ReduceArguments) -> Snapshot:
    """The baseline, if its model may be used for vectors of `identity`, as far as its record tells."""
    if isinstance(baseline, str):
        raise CannotProjectError(baseline)
    different = other_vectors(baseline, identity)
    if different:
        raise CannotProjectError(different)
    if any((baseline.get("model") or {}).get(name) is None for name in _HISTORY):
        raise CannotProjectError(f"{name_of(baseline)} does not say where its model was fitted")
    asked, then = arguments.explained_variance, (baseline.get("params") or {}).get("explained_variance")
    if asked is not None and asked != then:
        found = "one fitted for a number of components" if then is None else f"one fitted for {then}"
        raise CannotProjectError(f"an explained variance of {asked} is asked for, and {name_of(baseline)} has {found}")
    return baseline
