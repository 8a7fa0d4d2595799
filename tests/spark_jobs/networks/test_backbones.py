"""The backbones are the networks that their names say, cut where the last feature map is averaged."""

import numpy as np
import pytest

from image_features.networks.backbones import BACKBONES
from run_contract.backbones import DIMENSIONS

# name: parameters, length of a vector, kind of the layers at the cut
EXPECTED = {
    "mobilenet_v2": (2_257_984, 1280, ["GlobalAveragePooling2D"]),
    "mobilenet_v3_large": (2_996_352, 960, ["GlobalAveragePooling2D"]),
    "efficientnet_v2_b0": (5_919_312, 1280, ["GlobalAveragePooling2D"]),
    "convnext_tiny": (27_820_128, 768, ["GlobalAveragePooling2D", "LayerNormalization"]),
    "resnet50": (23_587_712, 2048, ["GlobalAveragePooling2D"]),
    "vgg16": (14_714_688, 512, ["GlobalAveragePooling2D"]),
    "vgg16_fc512": (27_822_912, 512, ["MaxPooling2D", "Dense", "Dense"]),
}


def test_there_are_these_and_no_others() -> None:
    assert set(BACKBONES) == set(EXPECTED) == set(DIMENSIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_a_backbone_is_the_network_it_says(name: str) -> None:
    parameters, dimension, cut = EXPECTED[name]
    backbone = BACKBONES[name]
    model = backbone.build()
    assert model.count_params() == parameters
    assert model.output_shape == (None, dimension)
    assert DIMENSIONS[name] == dimension
    assert [type(layer).__name__ for layer in model.layers[-len(cut) :]] == cut
    assert model.input_shape == (None, 224, 224, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # To -1..1, in the order red, green, blue.
        ("mobilenet_v2", [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        # These preprocess in their first layers.
        ("mobilenet_v3_large", [200, 100, 50]),
        ("efficientnet_v2_b0", [200, 100, 50]),
        ("convnext_tiny", [200, 100, 50]),
        # Caffe's: blue first, less ImageNet's mean, not scaled.
        ("resnet50", [50 - 103.939, 100 - 116.779, 200 - 123.68]),
        ("vgg16", [50 - 103.939, 100 - 116.779, 200 - 123.68]),
        ("vgg16_fc512", [50 - 103.939, 100 - 116.779, 200 - 123.68]),
    ],
)
def test_each_has_the_preprocessing_it_was_trained_with(name: str, expected: list[float]) -> None:
    pixel = np.array([[[[200, 100, 50]]]], dtype=np.float32)
    np.testing.assert_allclose(BACKBONES[name].preprocess(pixel)[0, 0, 0], expected, rtol=1e-5)
