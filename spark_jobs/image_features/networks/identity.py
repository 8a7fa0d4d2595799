"""The identity of vectors: what they must share to be compared, and how it is known without making a network."""

import logging
import tempfile
from pathlib import Path
from typing import Any

from image_features.errors import ImageFeaturesError
from image_features.networks.arguments import NetworkArguments, NetworkChoice
from image_features.networks.export import kept_weights_sha256
from image_features.networks.weights import find_asked, staged_sha256
from run_contract.params import PARAMS
from run_contract.preprocessing import PREPROCESSING_VERSION
from run_contract.weights import IMAGENET

logger = logging.getLogger(__name__)

Identity = dict[str, Any]


def identity_of(network: NetworkChoice, weights_sha256: str) -> Identity:
    """Return what vectors must share to be compared with one another, and to be reused."""
    named = {param.name: getattr(network, param.name) for param in PARAMS if param.identity}
    return {**named, "weights_sha256": weights_sha256, "preprocessing_version": PREPROCESSING_VERSION}


def store_identity(network: NetworkChoice, weights_sha256: str) -> Identity:
    """Return what the feature store keeps vectors by: their identity, and what it keeps apart all the same."""
    kept_apart = {param.name: getattr(network, param.name) for param in PARAMS if param.keeps_apart}
    return {**identity_of(network, weights_sha256), **kept_apart}


def known_weights_sha256(asked: NetworkArguments) -> str | None:
    """Return the digest of the weights that featurize_images will find, from what lies in S3 alone.

    It is None if that does not say it.
    """
    try:
        if asked.weights == IMAGENET:
            return staged_sha256(asked.architecture, asked.models_uri)
        with tempfile.TemporaryDirectory() as folder:
            found = find_asked(asked, Path(folder))
        return found.sha256 or kept_weights_sha256(asked, found)
    except (ImageFeaturesError, OSError) as error:
        # featurize_images ends with what is wrong and how to mend it. Here it only means that nothing is known.
        logger.warning("the identity of weights %s is not known: %s", asked.weights, error)
        return None
