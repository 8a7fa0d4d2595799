"""What the form's schema cannot say: params that are each well formed and cannot work together."""

import re
from collections.abc import Mapping
from typing import Any

from emr_pipeline.errors import ParamsError
from emr_pipeline.run.layout import split_uri

# Width of a backbone's feature vector, which bounds the number of components.
BACKBONE_DIMENSIONS = {"mobilenet_v2": 1280, "resnet50": 2048, "vgg16": 512, "vgg16_fc512": 512}
REDUCE_ACTIONS = ("refit", "project", "auto")
WEIGHTS_PATTERN = r"^(imagenet|random:\d+|s3://[^/]+/.+)$"
SOURCE_URI_PATTERN = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$"


def check_params(params: Mapping[str, Any]) -> None:
    """Raise a ParamsError for params that no cluster could serve."""
    _check_text(params, "source_uri", SOURCE_URI_PATTERN, "give s3://bucket/prefix")
    _check_text(params, "weights", WEIGHTS_PATTERN, "give imagenet, random:<seed> or s3://bucket/key")
    if params["backbone"] not in BACKBONE_DIMENSIONS:
        raise ParamsError(f"backbone={params['backbone']!r}: give one of {', '.join(BACKBONE_DIMENSIONS)}")
    if "parquet" not in params["formats"]:
        raise ParamsError(f"formats={params['formats']!r}: parquet is always written; add it to the list")
    if params["reduce"] not in REDUCE_ACTIONS:
        raise ParamsError(f"reduce={params['reduce']!r}: give one of {', '.join(REDUCE_ACTIONS)}")
    _check_components(params)


def check_projection(params: Mapping[str, Any], has_baseline: bool) -> None:
    """Raise a ParamsError for a run that would project on a model and there is none; what else a model must have to
    fit, `reduce_features` knows."""
    if params["reduce"] == "project" and not has_baseline:
        raise ParamsError("reduce='project': nothing is published whose model could be used; give refit or auto")


def weights_location(weights: str) -> tuple[str, str] | None:
    """Bucket and key of weights of one's own; null for those that have a name."""
    return split_uri(weights) if weights.startswith("s3://") else None


def _check_text(params: Mapping[str, Any], name: str, pattern: str, remedy: str) -> None:
    if not re.fullmatch(pattern, str(params[name])):
        raise ParamsError(f"{name}={params[name]!r}: {remedy}")


def _check_components(params: Mapping[str, Any]) -> None:
    components, share = params["pca_components"], params["explained_variance"]
    if share is not None:
        return  # It decides; pca_components is not used.
    if components is None:
        raise ParamsError("pca_components and explained_variance are both empty: give one of them")
    dimension = BACKBONE_DIMENSIONS[params["backbone"]]
    if components > dimension:
        raise ParamsError(
            f"pca_components={components}: backbone {params['backbone']} gives vectors of {dimension} numbers; "
            f"give at most {dimension}, or an explained_variance"
        )
