"""A network on the driver: built by Keras, its weights loaded and checked, its preprocessing in front of it."""

import hashlib
import math
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from image_features.errors import ImageFeaturesError
from image_features.networks.backbones import Backbone
from image_features.networks.weights import FoundWeights

if TYPE_CHECKING:
    import keras

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class WeightsMismatchError(ImageFeaturesError):
    """A file of weights does not fit its backbone."""

    def __init__(self, backbone: str, expected: int, weights: str, detail: str) -> None:
        self.backbone, self.expected, self.weights, self.detail = backbone, expected, weights, detail
        super().__init__(
            f"{weights}: these weights do not fit {backbone}, which has {expected:,} parameters without its "
            f"classifier: {detail}; pass the file that was saved from this backbone, or choose the other backbone"
        )


@dataclass(frozen=True)
class Network:
    """A backbone with its weights; `model` takes preprocessed pixels.

    `weights_sha256` is the digest of the file of weights, or of the kernels if they were drawn at random.
    """

    backbone: Backbone
    model: "keras.Model"
    weights_sha256: str


def choose_backend(backend: str, image_data_format: str) -> None:
    """Set Keras's backend for all networks of this process.

    Raises RuntimeError if Keras was imported with another backend.
    """
    os.environ["KERAS_BACKEND"] = backend
    import keras

    if keras.config.backend() != backend:
        raise RuntimeError(f"Keras's backend is {keras.config.backend()} in this process, and cannot become {backend}")
    keras.config.set_image_data_format(image_data_format)


def load_network(backbone: Backbone, weights: FoundWeights) -> Network:
    """Build a backbone and give it its weights.

    Raises WeightsMismatchError if the file of weights does not fit the backbone.
    """
    model = backbone.build()
    if weights.path is None:
        return Network(backbone, model, _draw(model, weights.seed))
    drawn = _kernels(model)
    try:
        with warnings.catch_warnings():
            # Keras warns about each part that it skips; whether it skipped any is found out below.
            warnings.simplefilter("ignore")
            model.load_weights(str(weights.path))
    except (ValueError, OSError, LookupError, TypeError, AttributeError, BadZipFile) as error:
        # Keras raises all of these for a file of another network, or of no network at all.
        detail = " ".join(str(error).split())[:300]
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail) from error
    untouched = [name for name, kernel in _kernels(model).items() if np.array_equal(kernel, drawn[name])]
    if untouched:
        detail = f"it has nothing for {len(untouched)} of its layers, {untouched[0]} the first"
        raise WeightsMismatchError(backbone.name, backbone.parameters, weights.source, detail)
    assert weights.sha256 is not None
    return Network(backbone, model, weights.sha256)


def with_preprocessing(network: Network) -> "keras.Model":
    """Return the model from pixels to vectors: uint8 (n, side, side, 3), RGB, to float32 (n, dimension)."""
    import keras

    backbone = network.backbone
    pixels = keras.Input((backbone.side_px, backbone.side_px, 3), dtype="uint8", name="pixels")
    tensor = keras.ops.cast(pixels, "float32")
    if keras.config.image_data_format() == "channels_first":
        tensor = keras.ops.transpose(tensor, (0, 3, 1, 2))
    return keras.Model(pixels, network.model(backbone.preprocess(tensor)))


def _draw(model: "keras.Model", seed: int | None) -> str:
    """Draw all kernels from `seed` and return their SHA-256; other weights keep the constants that they start at.

    Keras too draws kernels from this uniform distribution (Glorot and Bengio 2010), but not the same ones in each of
    its backends.
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


def _kernels(model: "keras.Model") -> dict[str, NDArray[np.float32]]:
    """Return the weights that start at random values: after a whole load, none of them has its old value."""
    return {weight.path: weight.numpy() for weight in model.weights if len(weight.shape) > 1}
