"""Networks that engines and the stage are tested with, and Keras's own answer for them."""

from pathlib import Path

import numpy as np

from image_features.networks import export
from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.keras_model import load_network
from image_features.networks.weights import FoundWeights
from run_contract.param_queries import param_named

REAL_WEIGHTS = (
    Path(__file__).resolve().parents[3] / "shared/weights/mobilenet_v2/mobilenet_v2_1.0_224_no_top_bnfolded.h5"
)

ENGINES = param_named("engine").choices
RANDOM_WEIGHTS = FoundWeights("random:0", seed=0)


def exported(network: NetworkChoice, folder: Path, weights: FoundWeights = RANDOM_WEIGHTS) -> Path:
    """By the process that the fixtures keep for the engine; this one is Keras's own, to compare with."""
    return export.in_own_process(export.export_network, network, weights, folder).files[0]


def predicted_by_keras(name: str, pixels: np.ndarray, weights: FoundWeights = RANDOM_WEIGHTS) -> np.ndarray:
    """Keras's own `predict` on pixels preprocessed as arrays: no function, graph or engine of ours."""
    model, _ = load_network(BACKBONES[name], weights)
    return model.predict(BACKBONES[name].preprocess(pixels.astype(np.float32)), verbose=0)


def assert_same_vectors(actual: np.ndarray, expected: np.ndarray) -> None:
    """To 1e-4 of each vector's length."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    error = np.linalg.norm(actual - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() < 1e-4
    assert np.linalg.norm(expected, axis=1).min() > 0
