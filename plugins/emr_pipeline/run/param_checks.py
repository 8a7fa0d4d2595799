"""The checks of params by themselves, which a trigger through the API may have passed by, and of params together."""

from collections.abc import Mapping
from typing import Any

from emr_pipeline.errors import ParamsError
from emr_pipeline.run.layout import WRITTEN_FOLDERS, split_uri
from run_contract import params as contract
from run_contract.backbones import DIMENSIONS, why_not_together
from run_contract.labels import LabelsError, facts_by
from run_contract.param_queries import used


def check_params(params: Mapping[str, Any]) -> None:
    """Raise a ParamsError for params that no cluster could serve."""
    for param in contract.PARAMS:
        expected = param.refusal(params[param.name])
        if expected is not None:
            raise ParamsError(f"{param.name}={params[param.name]!r}: give {expected}")
    try:
        facts_by(params["label_pattern"])
    except LabelsError as error:
        raise ParamsError(f"label_pattern: {error}") from error
    reason = why_not_together(params)
    if reason is not None:
        raise ParamsError(reason)
    if params["pca_components"] is None and params["explained_variance"] is None:
        raise ParamsError("pca_components and explained_variance are both empty: give one of them")
    if params["backbone"] in DIMENSIONS:
        check_components(params, DIMENSIONS[params["backbone"]])


def check_components(params: Mapping[str, Any], dimension: int) -> None:
    """Raise a ParamsError for more components than a vector of the network has numbers."""
    components = used(params)["pca_components"]
    if components is not None and components > dimension:
        raise ParamsError(
            f"pca_components={components}: backbone {params['backbone']} gives vectors of {dimension} numbers; "
            f"give at most {dimension}, or an explained_variance"
        )


def check_projection(params: Mapping[str, Any], has_baseline: bool) -> None:
    """Raise a ParamsError for a run that would project on a model where there is none.

    What else a model must have to fit, `reduce_features` knows.
    """
    if params["reduce"] == "project" and not has_baseline:
        raise ParamsError("reduce='project': nothing is published whose model could be used; give refit or auto")


def check_source(name: str, source_uri: str, bucket: str) -> None:
    """Raise a ParamsError, which calls the source by this name, for a source that holds what runs write."""
    source_bucket, prefix = split_uri(source_uri.rstrip("/"))
    if source_bucket == bucket and prefix.split("/")[0] in {"", *WRITTEN_FOLDERS}:
        raise ParamsError(
            f"{name}={source_uri}: runs write there, so what one run writes would be new to the next, without end; "
            f"give a folder for photographs alone, s3://{bucket}/landing for example"
        )
