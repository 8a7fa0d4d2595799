"""A network on the driver: built by Keras, its weights loaded and checked, its preprocessing in front of it."""

import hashlib
import math
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    def __init__(self, backbone: str, parameters: int, weights: FoundWeights, detail: str) -> None:
        self.backbone, self.weights, self.detail = backbone, weights.source, " ".join(detail.split())[:300]
        place = f" ({weights.place})" if weights.place else ""
        super().__init__(
            f"{weights.source}{place}: these weights do not fit {backbone}, which has {parameters:,} parameters "
            f"without its classifier: {self.detail}; pass the file that was saved from this backbone, or choose the "
            "other backbone"
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

    Raises WeightsMismatchError if the file of weights does not fit the backbone, or holds what no training ends with.
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
    except Exception as error:
        # For a file of another network, of no network or with a damaged block, Keras and h5py raise what they like.
        detail = f"{type(error).__name__}: {error}"
        raise WeightsMismatchError(backbone.name, model.count_params(), weights, detail) from error
    untouched = [name for name, kernel in _kernels(model).items() if np.array_equal(kernel, drawn[name])]
    if untouched:
        detail = f"it has nothing for {len(untouched)} of its layers, {untouched[0]} the first"
        raise WeightsMismatchError(backbone.name, model.count_params(), weights, detail)
    unsound = [weight.path for weight in model.weights if not _is_sound(weight.path, weight.numpy())]
    if unsound:
        detail = f"{len(unsound)} of its weights hold NaN, Inf or negative variances, {unsound[0]} the first"
        raise WeightsMismatchError(backbone.name, model.count_params(), weights, detail)
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


def _is_sound(path: str, values: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(values).all()) and not (path.endswith("variance") and values.min() < 0)


def _kernels(model: "keras.Model") -> dict[str, NDArray[np.float32]]:
    """Return the weights that start at random values: after a whole load, none of them has its old value."""
    return {weight.path: weight.numpy() for weight in model.weights if len(weight.shape) > 1}
