"""The backbones: the networks to choose from, how long the vectors of each are, and where Keras's weights lie."""

from collections.abc import Mapping
from typing import Any

DIMENSIONS = {
    "mobilenet_v2": 1280,
    "mobilenet_v3_large": 960,
    "efficientnet_v2_b0": 1280,
    "convnext_tiny": 768,
    "resnet50": 2048,
    "vgg16": 512,
    "vgg16_fc512": 512,
}
"""Length of a feature vector by the backbone's name; a PCA of these vectors has at most as many components."""

MIXED = "mixed"
"""The precision that computes the first blocks of a network in float32 and the others in bfloat16."""

FILE = "file"
"""The backbone whose `weights` name the description of a network of one's own (run_contract/network_file.py)."""
NAMES = (*DIMENSIONS, FILE)
"""What the param `backbone` may be; the network of a file says its dimension itself."""

IMAGES_PER_VCPU_S = {
    "mobilenet_v2": 41.0,
    "mobilenet_v3_large": 52.0,
    "efficientnet_v2_b0": 18.0,
    "convnext_tiny": 3.0,
    "resnet50": 6.0,
    "vgg16": 1.5,
    "vgg16_fc512": 1.5,
}
"""Images a second that one vCPU computes in float32, as docs/networks.md has it; a forecast begins with them."""

FLOAT32_UNTIL = {"mobilenet_v2": (24, 56, 56)}
"""Channels, height and width of the feature map up to which precision=mixed computes in float32; other backbones have
no such precision. bfloat16 spoils MobileNetV2's vectors in its first two blocks (docs/measurements.md)."""

_FILES = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERNELS = "weights_tf_dim_ordering_tf_kernels"
IMAGENET_URLS = {
    "mobilenet_v2": f"{_FILES}/mobilenet_v2/mobilenet_v2_{_KERNELS}_1.0_224_no_top.h5",
    "mobilenet_v3_large": f"{_FILES}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    "efficientnet_v2_b0": f"{_FILES}/efficientnet_v2/efficientnetv2-b0_notop.h5",
    "convnext_tiny": f"{_FILES}/convnext/convnext_tiny_notop.h5",
    "resnet50": f"{_FILES}/resnet/resnet50_{_KERNELS}_notop.h5",
    "vgg16": f"{_FILES}/vgg16/vgg16_{_KERNELS}_notop.h5",
}
"""Where Keras publishes its own weights, by backbone. Nobody publishes the two dense layers of vgg16_fc512."""


def pointer_uri(models_uri: str, name: str) -> str:
    """Return where the name and SHA-256 of Keras's own file stand, once a run has staged it."""
    return f"{models_uri}/{name}-imagenet.json"


def pointed_at(pointer: Any) -> tuple[str, str] | None:
    """Return the URI and the SHA-256 that such a document names; null for one that is no pointer.

    >>> pointed_at({"uri": "s3://lake/models/ab/weights.h5", "sha256": "ab"})
    ('s3://lake/models/ab/weights.h5', 'ab')
    """
    if not isinstance(pointer, Mapping):
        return None
    uri, sha256 = pointer.get("uri"), pointer.get("sha256")
    if isinstance(uri, str) and uri.startswith("s3://") and isinstance(sha256, str):
        return uri, sha256
    return None


def measured_rate(params: Mapping[str, Any]) -> float | None:
    """Return the images a second of one vCPU that the benchmarks measured; null for a network of one's own."""
    return IMAGES_PER_VCPU_S.get(params["backbone"])


def why_not_together(params: Mapping[str, Any]) -> str | None:
    """Return why the params of a network do not go together, and what to do; null if they do.

    >>> why_not_together({"backbone": "vgg16", "weights": "s3://b/n.json", "engine": "openvino", "precision": ""})
    'weights=s3://b/n.json describes a network of your own: give backbone=file as well'
    """
    names = ("backbone", "weights", "engine", "precision")
    backbone, weights, engine, precision = (str(params[name]) for name in names)
    is_description = weights.lower().endswith(".json")
    if is_description and backbone != FILE:
        return f"weights={weights} describes a network of your own: give backbone={FILE} as well"
    if backbone == FILE and not is_description:
        return (
            f"backbone={FILE} and weights={weights}: give as weights the .json file that describes your network and "
            "lies next to its model (docs/networks.md says what is in it), or choose another backbone"
        )
    if backbone == FILE and engine != "openvino":
        return f"backbone={FILE} and engine={engine}: give engine=openvino, which alone reads ONNX and OpenVINO models"
    if precision != "float32" and engine != "openvino":
        return f"precision={precision} and engine={engine}: give engine=openvino, or precision=float32"
    if precision == MIXED and backbone not in FLOAT32_UNTIL:
        return f"precision={MIXED} is for backbone={', '.join(FLOAT32_UNTIL)} alone: give float32 or bfloat16"
    return None
