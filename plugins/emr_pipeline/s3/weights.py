"""Weights that a run asks for: whether they can be had, found out from S3 and, for Keras's own, from its server."""

import logging
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from emr_pipeline.errors import WeightsUnavailableError
from emr_pipeline.run.layout import object_of
from emr_pipeline.run.param_checks import check_components
from emr_pipeline.s3.objects import etag_of, find_json, head
from run_contract.backbones import FILE, IMAGENET_URLS, pointed_at, pointer_uri
from run_contract.network_file import (
    MOST_DESCRIPTION_BYTES,
    DescribedNetwork,
    NetworkFileError,
    check_files,
    check_first_bytes,
    has_first_bytes,
    parse_description,
)
from run_contract.weights import IMAGENET, unavailable_text

logger = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 8


@dataclass(frozen=True)
class FoundWeights:
    """The ETag of weights of one's own, or the SHA-256 of Keras's own file; null where it is not known.

    The ETag of a description stands for its model, too, for it names the SHA-256 of its files.
    """

    etag: str | None = None
    sha256: str | None = None


def find_weights(s3: Any, params: Mapping[str, Any], models_uri: str) -> FoundWeights:
    """Return what is known of a run's weights; raise WeightsUnavailableError if no cluster could have them.

    Raises ParamsError for more components than the network of a description has numbers.
    """
    weights, backbone = params["weights"], params["backbone"]

    def refused(detail: str) -> WeightsUnavailableError:
        return WeightsUnavailableError(unavailable_text(weights, backbone, models_uri, detail))

    if weights.startswith("s3://"):
        etag = etag_of(s3, weights)
        if etag is None:
            raise refused(f"weights={weights}: no such object")
        if backbone == FILE:
            check_components(params, _described(s3, weights).dimension)
        return FoundWeights(etag=etag)
    if weights != IMAGENET:
        return FoundWeights()
    sha256 = _staged_sha256(s3, backbone, models_uri, refused)
    if sha256 is None:
        logger.info("Not staged yet: featurize_images will fetch %s", IMAGENET_URLS[backbone])
    return FoundWeights(sha256=sha256)


def _staged_sha256(
    s3: Any, backbone: str, models_uri: str, refused: Callable[[str], WeightsUnavailableError]
) -> str | None:
    """Return the SHA-256 of Keras's own file as it was staged; null if none was, and Keras's server has it."""
    staged = pointer_uri(models_uri, backbone)
    pointer, answer = find_json(s3, staged)
    if answer:
        found = pointed_at(pointer)
        if found is None:
            raise refused(f"{staged} names no file of weights and its SHA-256; delete it")
        uri, sha256 = found
        if etag_of(s3, uri) is None:
            raise refused(f"{staged} names {uri}, and there is no such object; delete {staged} as well")
        return sha256
    if backbone not in IMAGENET_URLS:
        raise refused(f"nobody publishes ImageNet weights for {backbone}")
    why_not = _why_not_published(IMAGENET_URLS[backbone])
    if why_not:
        raise refused(f"no run has staged them ({staged} is not there), and {why_not}")
    return None


def _described(s3: Any, uri: str) -> DescribedNetwork:
    """Return the network that a description describes, once its model looks like one as far as its beginning says."""
    try:
        described = parse_description(_first_bytes(s3, uri, MOST_DESCRIPTION_BYTES + 1))
        beside = {name: f"{uri.rpartition('/')[0]}/{name}" for name in described.files}
        found = {name: head(s3, place) for name, place in beside.items()}
        check_files(described, {name: entry and int(entry["ContentLength"]) for name, entry in found.items()})
        for name in filter(has_first_bytes, described.files):
            check_first_bytes(name, _first_bytes(s3, beside[name], 64))
    except NetworkFileError as error:
        remedy = "docs/networks.md says what a network of your own must be"
        raise WeightsUnavailableError(f"weights={uri}: {error}; {remedy}") from error
    return described


def _first_bytes(s3: Any, uri: str, count: int) -> bytes:
    # Not by a range, which S3 refuses of an object without bytes.
    with s3.get_object(**object_of(uri))["Body"] as body:
        content: bytes = body.read(count)
    return content


def staging_command(params: Mapping[str, Any], models_uri: str) -> str:
    """Return the command by which a person brings the weights that a run asks for into the bucket."""
    weights, backbone = params["weights"], params["backbone"]
    if backbone == FILE and weights.startswith("s3://"):
        return f"aws s3 cp --recursive <folder of the .json and its model> {weights.rpartition('/')[0]}/"
    if weights != IMAGENET:
        return f"aws s3 cp <file> {weights}"
    if backbone not in IMAGENET_URLS:
        return "export FRUIT_FEATURES_WEIGHTS=s3://<bucket>/<key>"
    program = "PYTHONPATH=spark_jobs:. .local/envs/spark/bin/python tools/data/stage_weights.py"
    return f"{program} {backbone} {models_uri}"


def _why_not_published(url: str) -> str | None:
    """Return why a file cannot be fetched by HTTP, as far as this machine can say; null if its server has it."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=ANSWERS_WITHIN_S):
            return None
    except (OSError, HTTPException) as error:
        return f"{url} does not answer: {error}"
