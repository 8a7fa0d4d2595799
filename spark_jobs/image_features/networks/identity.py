"""The identity of vectors: what they must share to be compared, and how it is known without making a network."""

import logging
from typing import Any

from image_features.errors import ImageFeaturesError
from image_features.images.decode import PREPROCESSING_VERSION
from image_features.networks.arguments import NetworkArguments
from image_features.networks.backbones import backbone_named
from image_features.networks.export import kept_weights_sha256
from image_features.networks.weights import FoundWeights, known_sha256
from run_contract.params import identity_params
from run_contract.weights import seed_of

logger = logging.getLogger(__name__)

Identity = dict[str, Any]


def identity_of(asked: NetworkArguments, weights_sha256: str) -> Identity:
    """Return what vectors must share to be compared with one another, and to be reused."""
    named = {param.name: getattr(asked, param.name) for param in identity_params()}
    return {**named, "weights_sha256": weights_sha256, "preprocessing_version": PREPROCESSING_VERSION}


def known_identity(asked: NetworkArguments) -> Identity | None:
    """Return the identity that featurize_images will find, from what lies in S3 alone; None if that does not say it."""
    backbone, seed = backbone_named(asked.backbone), seed_of(asked.weights)
    try:
        if seed is None:
            sha256 = known_sha256(asked.weights, backbone, asked.models_uri)
        else:
            weights = FoundWeights(asked.weights, seed=seed)
            sha256 = kept_weights_sha256(backbone, weights, asked.engine, asked.models_uri)
    except (ImageFeaturesError, OSError) as error:
        # featurize_images ends with what is wrong and how to mend it. Here it only means that nothing is known.
        logger.warning("the identity of weights %s is not known: %s", asked.weights, error)
        return None
    return None if sha256 is None else identity_of(asked, sha256)
