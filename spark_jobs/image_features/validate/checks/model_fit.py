"""A check of how far a model that was fitted on another run's rows is from a new one."""

from __future__ import annotations

from image_features.validate.checks.check import Check, Finding
from image_features.validate.evidence.stage_stats import Stats, detail

MODEL_DRIFT = Check(
    "model_drift", "soft", "The model keeps nearly what a new one would (share of variance lost)", is_share=True
)


def model_drift(reduce: Stats | None) -> Finding:
    """Judge the share of variance that a model of an earlier run loses against a new one, from the Gram matrix."""
    model = detail(reduce, "model")
    if reduce is None or model is None:
        return MODEL_DRIFT.skip("the stats of reduce_features do not say where the model was fitted")
    if model["action"] != "project":
        return MODEL_DRIFT.skip("the model was fitted on the rows of this run")
    limit = model["drift_limit"]
    advice = (
        f"a new model would keep more of the variance than the one of {model['fitted_in']}: run with reduce refit, "
        "or auto, which fits a new model above this limit"
    )
    return MODEL_DRIFT.judge(model["drift"] <= limit, model["drift"], limit, advice)
