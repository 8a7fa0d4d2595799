"""The stats that the stages before this one left, and what the checks and the report read from them."""

from collections.abc import Mapping
from typing import Any

from run_contract.stages import STAGES, VALIDATE

Stats = Mapping[str, Any]

UPSTREAM = tuple(stage.name for stage in STAGES if stage.name != VALIDATE)


def detail(stats: Stats | None, name: str) -> Any:
    """Return a detail of a stage's stats, or None if there are no stats or an older version wrote them without it."""
    return None if stats is None else stats["details"].get(name)


def random_weights(featurize: Stats | None) -> str:
    """Return why likeness and labels cannot be told of vectors of random weights, or an empty text for other weights.

    >>> random_weights({"details": {"weights": {"source": "random:0", "pretrained": False}}})
    'the weights are random: to such a network all photographs look alike'
    """
    weights = detail(featurize, "weights")
    is_random = bool(weights) and not weights.get("pretrained")
    return "the weights are random: to such a network all photographs look alike" if is_random else ""


def fitted_elsewhere(reduce: Stats | None) -> str:
    """Return why the model need not fit this run's rows, or an empty text if it was fitted on them.

    >>> model = {"action": "project", "rows_fitted": 7004, "fitted_in": "s3://b/runs/one"}
    >>> fitted_elsewhere({"details": {"model": model}})
    'the model was fitted on the 7,004 rows of s3://b/runs/one, not on these'
    """
    model = detail(reduce, "model")
    if model is None or model["action"] != "project":
        return ""
    return f"the model was fitted on the {model['rows_fitted']:,} rows of {model['fitted_in']}, not on these"
