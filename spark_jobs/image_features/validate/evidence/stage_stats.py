"""The stats that the stages before this one left, and what the checks and the report read from them."""

from collections.abc import Mapping
from typing import Any

from run_contract.params import params_of
from run_contract.stages import FEATURIZE, STAGES, VALIDATE

Stats = Mapping[str, Any]

UPSTREAM = tuple(stage.name for stage in STAGES if stage.name != VALIDATE)


def detail(stats: Stats | None, name: str) -> Any:
    """Return a detail of a stage's stats, or None if there are no stats or an older version wrote them without it."""
    return None if stats is None else stats["details"].get(name)


def vector_identity(featurize: Stats | None) -> dict[str, Any]:
    """Return the identity of the vectors in one flat mapping, None where the stats of featurize_images lack a part.

    >>> vector_identity({"arguments": {"backbone": "vgg16"}, "details": {"weights": {"sha256": "ab12"}}})["backbone"]
    'vgg16'
    """
    weights, asked = detail(featurize, "weights") or {}, featurize["arguments"] if featurize else {}
    identity = {param.name: asked.get(param.name) for param in params_of(FEATURIZE)}
    identity |= {"dimension": detail(featurize, "dimension"), "weights": weights or None}
    return identity | {"weights_sha256": weights.get("sha256")}


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
