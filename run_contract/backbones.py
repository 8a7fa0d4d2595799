"""The backbones: the networks to choose from, how long the vectors of each are, and where Keras's weights lie."""

from collections.abc import Mapping
from typing import Any

DIMENSIONS = {"mobilenet_v2": 1280, "resnet50": 2048, "vgg16": 512, "vgg16_fc512": 512}
"""Length of a feature vector by the backbone's name; a PCA of these vectors has at most as many components."""

IMAGES_PER_VCPU_S = {"mobilenet_v2": 45.0, "resnet50": 6.0, "vgg16": 1.5, "vgg16_fc512": 1.5}
"""Images a second that one vCPU computes in float32, as docs/benchmarks.md has it; a forecast begins with them."""

_FILES = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERNELS = "weights_tf_dim_ordering_tf_kernels"
IMAGENET_URLS = {
    "mobilenet_v2": f"{_FILES}/mobilenet_v2/mobilenet_v2_{_KERNELS}_1.0_224_no_top.h5",
    "resnet50": f"{_FILES}/resnet/resnet50_{_KERNELS}_notop.h5",
    "vgg16": f"{_FILES}/vgg16/vgg16_{_KERNELS}_notop.h5",
}
"""Where Keras publishes its own weights, by backbone. Nobody publishes the two dense layers of vgg16_fc512."""


def pointer_uri(models_uri: str, name: str) -> str:
    """Return where the name and SHA-256 of Keras's own file stand, once a run has staged it."""
    return f"{models_uri}/{name}-imagenet.json"


def measured_rate(params: Mapping[str, Any]) -> float:
    """Return the images a second of one vCPU that the benchmarks measured for the network of these params."""
    return IMAGES_PER_VCPU_S[params["backbone"]]
