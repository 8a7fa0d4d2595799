"""Where a run's vectors and its model come from, as pairs of a name and a text that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = list[tuple[str, str]]


def vector_facts(vectors: Mapping[str, Any] | None) -> Facts:
    """Return facts from `vectors` of the summary, none if it is not known or for a count that is missing."""
    names = {
        "computed": "computed in this run",
        "reused": "reused from earlier runs",
        "same_bytes": "rows that share another's vector",
        "rejected_before": "known rejects, not tried again",
    }
    return [(name, f"{vectors[count]:,}") for count, name in names.items() if vectors and count in vectors]


def model_facts(model: Mapping[str, Any] | None, images: int) -> Facts:
    """Return facts from `model` of the summary; there are none if it is not known."""
    if model is None:
        return []
    is_new = model["action"] == "refit"
    facts = [
        ("model", f"{'fitted in this run' if is_new else 'of an earlier run'}: {model['why']}"),
        ("fitted in", f"{model['fitted_in']}, on {model['rows_fitted']:,} rows"),
        ("since the last snapshot", f"{model['added']:,} rows added, {model['removed']:,} removed, {images:,} in all"),
    ]
    if not is_new:
        share = model["added_share_since_fit"]
        facts.append(("new to the model", f"{share:.1%} of the rows"))
    if model["drift"] is not None:
        whose = "the last model" if is_new else "this model"
        facts.append(("drift", f"{whose} keeps {model['drift']:.2%} less variance than a new one"))
    return facts
