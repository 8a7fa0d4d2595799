"""Pure: whether the model was fitted on this run's rows or on those of a run before, and how far it is off then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_features.validate.checks.check import Check, skipped, soft
from image_features.validate.evidence.evidence import Stats
from run_contract.params import param_named

_REFIT_DRIFT = param_named("refit_drift")
NOT_TOLD = "the stats of reduce_features do not say where the model was fitted"


def model_history(reduce: Stats | None) -> Mapping[str, Any] | None:
    """`details.model` of the stage's stats; None if there are none, or if they are of a version that only refitted."""
    return None if reduce is None else reduce["details"].get("model")


def fitted_elsewhere(reduce: Stats | None) -> str:
    """Why what holds of a model and the very rows that it was fitted on is not to be expected; empty if it is."""
    history = model_history(reduce)
    if history is None or history["action"] != "project":
        return ""
    return f"the model was fitted on the {history['rows_fitted']:,} rows of {history['fitted_in']}, not on these"


def model_drift(reduce: Stats | None) -> Check:
    """The share of variance that a model of a run before keeps less than a new one would, from the Gram matrix."""
    name, history = "model_drift", model_history(reduce)
    if reduce is None or history is None:
        return skipped(name, "soft", NOT_TOLD)
    if history["action"] != "project":
        return skipped(name, "soft", "the model was fitted on the rows of this run")
    limit = reduce["arguments"].get(_REFIT_DRIFT.name, _REFIT_DRIFT.default)
    advice = (
        f"a new model would keep more of the variance than the one of {history['fitted_in']}: run with reduce refit, "
        "or auto, which does so above this limit"
    )
    return soft(name, history["drift"] <= limit, history["drift"], limit, advice)
