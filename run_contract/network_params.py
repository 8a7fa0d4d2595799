"""The params of the network: what vectors are made by, and so what they are known by."""

from dataclasses import replace

from run_contract.backbones import DIMENSIONS, MIXED, NAMES
from run_contract.param import Param
from run_contract.stages import FEATURIZE, INGEST
from run_contract.weights import BY_HAND, FORM, IMAGENET

_PARAMS = (
    Param(
        name="backbone",
        title="Backbone",
        help="The network whose last layers are cut off. Length of its vectors: "
        + ", ".join(f"{name} {dimension}" for name, dimension in DIMENSIONS.items())
        + ". file: a network of your own, ONNX or OpenVINO, which weights describes.",
        default=next(iter(DIMENSIONS)),
        choices=NAMES,
        identity=True,
    ),
    Param(
        name="weights",
        title="Weights",
        help="imagenet, s3://bucket/key of a .h5 or .keras file that fits the backbone, or random:<seed> to try "
        "things out. With backbone file: s3://bucket/key of the .json that describes the network.",
        default=IMAGENET,
        pattern=FORM,
        by_hand=BY_HAND,
        pattern_in_words="imagenet, random:<seed> as in random:0, or s3://bucket/key",
        not_in_identity="their content is in it, as weights_sha256, and not how they are called",
    ),
    Param(
        name="resize",
        title="Resize",
        help="How photographs are brought to the network's size. Vectors of two kinds do not compare.",
        default="bilinear",
        choices=("bilinear", "bicubic"),
        identity=True,
    ),
    Param(
        name="engine",
        title="Engine",
        help="What runs the network. openvino is faster; tensorflow is the reference.",
        default="openvino",
        choices=("openvino", "tensorflow"),
        not_in_identity="the engines agree closely enough to compare; the feature store keeps them apart all the same",
        keeps_apart=True,
    ),
    Param(
        name="precision",
        title="Precision",
        help="bfloat16 is 1.4 to 2.4 times as fast where the processor has it, and gives other vectors. mixed keeps "
        "the first blocks of mobilenet_v2 in float32: 1.4 to 1.8 times as fast, with vectors close to float32's.",
        default="float32",
        choices=("float32", "bfloat16", MIXED),
        identity=True,
    ),
)
NETWORK = tuple(replace(param, stages=(INGEST, FEATURIZE)) for param in _PARAMS)
"""ingest_images is asked for the same network, for it fetches only what has no vector yet."""
