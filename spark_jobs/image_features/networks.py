"""The network with its weights, on the driver: built by Keras, checked, and frozen together with its preprocessing."""

import hashlib
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from image_features.backbones import Backbone
from image_features.errors import WeightsMismatchError
from image_features.weights import FoundWeights

if TYPE_CHECKING:
    import keras

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@dataclass(frozen=True)
class Network:
    """`model` takes preprocessed pixels; `weights_sha256` is of the file, or of the arrays of random weights."""

    backbone: Backbone
    model: "keras.Model"
    weights_sha256: str


def load_network(backbone: Backbone, weights: FoundWeights) -> Network:
    """Raises WeightsMismatchError for a file that does not fit the backbone."""
    import keras

    if weights.seed is not None:
        keras.utils.set_random_seed(weights.seed)
    model = backbone.build()
    if weights.path is None:
        return Network(backbone, model, _sha256_of_arrays(model))
    drawn = _kernels(model)
    try:
        with warnings.catch_warnings():
            # Keras warns of each part that it skips; that any was skipped is found out below.
            warnings.simplefilter("ignore")
            model.load_weights(str(weights.path))
    except (ValueError, OSError, LookupError, TypeError, AttributeError) as error:
        # All that Keras says of a file of another network, or of no network at all.
        detail = " ".join(str(error).split())[:300]
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail) from error
    untouched = [name for name, kernel in _kernels(model).items() if np.array_equal(kernel, drawn[name])]
    if untouched:
        detail = f"it has nothing for {len(untouched)} of its layers, {untouched[0]} the first"
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail)
    assert weights.sha256 is not None
    return Network(backbone, model, weights.sha256)


def frozen_function(network: Network) -> Any:
    """A TensorFlow function with its variables as constants: uint8 (n, side, side, 3) to float32 (n, dimension)."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    backbone = network.backbone
    pixels = tf.TensorSpec((None, backbone.side_px, backbone.side_px, 3), tf.uint8, name="pixels")

    @tf.function(input_signature=[pixels], autograph=False)
    def features(pixels: Any) -> Any:
        return network.model(backbone.preprocess(tf.cast(pixels, tf.float32)), training=False)

    return convert_variables_to_constants_v2(features.get_concrete_function())


def _kernels(model: "keras.Model") -> dict[str, np.ndarray]:
    """The weights that start at random values: after a whole load not one of them is what it was."""
    return {weight.path: weight.numpy() for weight in model.weights if len(weight.shape) > 1}


def _sha256_of_arrays(model: "keras.Model") -> str:
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()
