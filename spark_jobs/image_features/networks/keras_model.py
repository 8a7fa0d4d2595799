"""The network with its weights, on the driver: built by Keras, checked, and joined with its preprocessing."""

import hashlib
import math
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from image_features.errors import WeightsMismatchError
from image_features.networks.backbones import Backbone
from image_features.networks.weights import FoundWeights

if TYPE_CHECKING:
    import keras

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@dataclass(frozen=True)
class Network:
    """`model` takes preprocessed pixels; `weights_sha256` is of the file, or of the kernels that were drawn."""

    backbone: Backbone
    model: "keras.Model"
    weights_sha256: str


def choose_backend(backend: str, image_data_format: str) -> None:
    """For all networks of this process; raises RuntimeError where Keras was imported with another backend."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    if keras.config.backend() != backend:
        raise RuntimeError(f"Keras's backend is {keras.config.backend()} in this process, and cannot become {backend}")
    keras.config.set_image_data_format(image_data_format)


def load_network(backbone: Backbone, weights: FoundWeights) -> Network:
    """Raises WeightsMismatchError for a file that does not fit the backbone."""
    model = backbone.build()
    if weights.path is None:
        return Network(backbone, model, _draw(model, weights.seed))
    drawn = _kernels(model)
    try:
        with warnings.catch_warnings():
            # Keras warns of each part that it skips; that any was skipped is found out below.
            warnings.simplefilter("ignore")
            model.load_weights(str(weights.path))
    except (ValueError, OSError, LookupError, TypeError, AttributeError, BadZipFile) as error:
        # All that Keras says of a file of another network, or of no network at all.
        detail = " ".join(str(error).split())[:300]
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail) from error
    untouched = [name for name, kernel in _kernels(model).items() if np.array_equal(kernel, drawn[name])]
    if untouched:
        detail = f"it has nothing for {len(untouched)} of its layers, {untouched[0]} the first"
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail)
    assert weights.sha256 is not None
    return Network(backbone, model, weights.sha256)


def with_preprocessing(network: Network) -> "keras.Model":
    """The whole way of a photograph: uint8 (n, side, side, 3), RGB, to float32 (n, dimension)."""
    import keras

    backbone = network.backbone
    pixels = keras.Input((backbone.side_px, backbone.side_px, 3), dtype="uint8", name="pixels")
    tensor = keras.ops.cast(pixels, "float32")
    if keras.config.image_data_format() == "channels_first":
        tensor = keras.ops.transpose(tensor, (0, 3, 1, 2))
    return keras.Model(pixels, network.model(backbone.preprocess(tensor)))


def _draw(model: "keras.Model", seed: int | None) -> str:
    """Kernels as Keras draws them, uniform (Glorot and Bengio 2010), but in each of its backends the same ones.

    Returns their SHA-256. All other weights are the constants that they start at.
    """
    random, digest = np.random.default_rng(seed), hashlib.sha256()
    for weight in model.weights:
        if len(weight.shape) > 1:
            *window, channels_in, channels_out = weight.shape
            limit = math.sqrt(6 / (math.prod(window) * (channels_in + channels_out)))
            kernel = random.uniform(-limit, limit, weight.shape).astype(np.float32)
            weight.assign(kernel)
            digest.update(kernel.tobytes())
    return digest.hexdigest()


def _kernels(model: "keras.Model") -> dict[str, np.ndarray]:
    """The weights that start at random values: after a whole load not one of them is what it was."""
    return {weight.path: weight.numpy() for weight in model.weights if len(weight.shape) > 1}
