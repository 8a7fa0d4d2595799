"""The choice of a run's model: a new one, fitted on all of its rows, or that of the published snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from image_features.errors import ImageFeaturesError, Unavailable
from image_features.reduce.arguments import ReduceArguments
from image_features.reduce.gram import Gram
from image_features.reduce.pca import PcaModel, drift_of, fit_pca, on_rows
from image_features.reduce.row_changes import RowChanges
from image_features.reduce.spark_model import load_model, to_pca_model, to_pipeline_model
from image_features.storage.snapshots import Snapshot, name_of, other_vectors

# What a snapshot's `model` must say for its model to be used again.
_HISTORY = ("fitted_in", "rows_fitted", "added_since_fit")


class CannotProjectError(ImageFeaturesError):
    """`--reduce project` was asked for, and there is no model that fits."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"--reduce project is not possible: {reason}; use --reduce refit, or auto, which refits by itself"
        )


@dataclass(frozen=True)
class ChosenModel:
    """A model as Spark ML saves it, the same model measured on the run's rows, and where it comes from."""

    pipeline: PipelineModel
    model: PcaModel
    action: Literal["refit", "project"]
    why: str
    fitted_in: str
    rows_fitted: int
    added_since_fit: int = 0
    drift: float | None = None
    drift_limit: float | None = None

    @property
    def added_share_since_fit(self) -> float:
        """The share of the run's rows that the model was not fitted on. Rows that came and went since count too."""
        return min(1.0, self.added_since_fit / self.model.rows)

    def details(self, changes: RowChanges) -> dict[str, Any]:
        """Return the numbers for the stage's stats.

        Shares are of this run's variance. Where the model was fitted in another run, they are in that model's scaling.
        """
        model = self.model
        return {
            "components": len(model.explained_variance_ratio),
            "dimension": len(model.mean),
            "rows": model.rows,
            "explained_variance": float(model.explained_variance_ratio.sum()),
            "explained_variance_ratio": model.explained_variance_ratio.tolist(),
            # The ratios of every direction, so that a reader sees what more components would have gained.
            "spectrum": model.spectrum.round(9).tolist(),
            "model": {
                "action": self.action,
                "why": self.why,
                "fitted_in": self.fitted_in,
                "rows_fitted": self.rows_fitted,
                **changes,
                "added_since_fit": self.added_since_fit,
                "added_share_since_fit": self.added_share_since_fit,
                "drift": self.drift,
                "drift_limit": self.drift_limit,
            },
        }


def reusable_snapshot(
    baseline: Snapshot | Unavailable, identity: Mapping[str, Any] | None, arguments: ReduceArguments
) -> Snapshot | Unavailable:
    """Return the snapshot whose model `--reduce` allows to use again, judged by its record alone.

    Raises CannotProjectError if `project` is asked for and there is none, before a row is read.
    """
    if arguments.reduce == "refit":
        return Unavailable("a new model was asked for")
    if isinstance(baseline, Unavailable):
        return _no_model(baseline.reason, arguments)
    name, params = name_of(baseline), baseline.get("params") or {}
    different = other_vectors(baseline, identity)
    if different:
        return _no_model(different, arguments)
    if any((baseline.get("model") or {}).get(fact) is None for fact in _HISTORY):
        return _no_model(f"{name} does not say where its model was fitted", arguments)
    asked, then = arguments.explained_variance, params.get("explained_variance")
    if asked not in (None, then):
        found = "one fitted for a number of components" if then is None else f"one fitted for {then}"
        return _no_model(f"an explained variance of {asked} is asked for, and {name} has {found}", arguments)
    return baseline


def choose_model(
    spark: SparkSession, gram: Gram, changes: RowChanges, snapshot: Snapshot | Unavailable, arguments: ReduceArguments
) -> ChosenModel:
    """Return the model of this run, by `--reduce` and its limits.

    `snapshot` is what `reusable_snapshot` returned. Raises CannotProjectError, or what `fit_pca` raises.
    """
    # With so small a matrix several BLAS threads mostly wait for one another, and use the processor meanwhile: the
    # eigenvectors of 1280 x 1280 took ten times the processor time on two threads, next to Spark's own.
    with threadpool_limits(limits=1):
        reused = _reused(gram, changes, snapshot, arguments)
        if isinstance(reused, Unavailable):
            return _refit(spark, gram, arguments, reused.reason)
        why = _too_far(reused, arguments) if arguments.reduce == "auto" else ""
        return _refit(spark, gram, arguments, why, reused.drift) if why else reused


def _too_far(reused: ChosenModel, arguments: ReduceArguments) -> str:
    """Return why `auto` fits a new model, or an empty text if it goes on with `reused`."""
    share, drift = reused.added_share_since_fit, reused.drift or 0.0
    if share > arguments.refit_share:
        return f"{share:.1%} of the rows were added since the last model was fitted, above {arguments.refit_share:.1%}"
    if drift > arguments.refit_drift:
        return f"the last model keeps {drift:.2%} less variance than a new one, above {arguments.refit_drift:.2%}"
    return ""


def _refit(
    spark: SparkSession, gram: Gram, arguments: ReduceArguments, why: str, drift: float | None = None
) -> ChosenModel:
    model = fit_pca(gram, arguments.pca_components, arguments.explained_variance)
    run_uri = arguments.stats_prefix_uri.rpartition("/")[0]
    return ChosenModel(to_pipeline_model(spark, model), model, "refit", why, run_uri, model.rows, drift=drift)


def _reused(
    gram: Gram, changes: RowChanges, snapshot: Snapshot | Unavailable, arguments: ReduceArguments
) -> ChosenModel | Unavailable:
    """Return the snapshot's model, measured on this run's rows."""
    if isinstance(snapshot, Unavailable):
        return snapshot
    name, history = name_of(snapshot), snapshot["model"]
    pipeline = load_model(snapshot["model_uri"])
    if isinstance(pipeline, Unavailable):
        return _no_model(f"the model of {name} does not load ({pipeline.reason})", arguments)
    fitted = to_pca_model(pipeline, history["rows_fitted"])
    width, components = fitted.components.shape
    if width != gram.width:
        return _no_model(f"the model of {name} is for vectors of {width} entries", arguments)
    if arguments.pca_components not in (None, components):
        asked = f"{arguments.pca_components} components are asked for"
        return _no_model(f"{asked}, and the model of {name} has {components}", arguments)
    model = on_rows(fitted, gram)
    why = f"the model of {name} was asked for"
    if arguments.reduce == "auto":
        why = f"the model of {name} is near enough: neither its drift nor the share of new rows is too large"
    added = history["added_since_fit"] + changes["added"]
    fitted_in, drift = history["fitted_in"], drift_of(model)
    return ChosenModel(pipeline, model, "project", why, fitted_in, fitted.rows, added, drift, arguments.refit_drift)


def _no_model(reason: str, arguments: ReduceArguments) -> Unavailable:
    if arguments.reduce == "project":
        raise CannotProjectError(reason)
    return Unavailable(reason)
