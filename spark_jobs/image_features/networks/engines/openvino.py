"""OpenVINO on the CPU, whose workers never import TensorFlow: they start fast and stay small."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from image_features.networks.arguments import NetworkChoice
from image_features.networks.engines.engine import EngineError, PredictFn
from run_contract.backbones import MIXED

if TYPE_CHECKING:
    import keras

# OpenVINO reports its use to Google Analytics, from processes that it forks from the driver. There they break Spark's
# connection to its JVM. Without this package it reports nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402
from openvino import opset13  # noqa: E402

# Keras builds the network in OpenVINO itself, without TensorFlow. Channels come first, as OpenVINO computes them: with
# channels last each convolution would stand between two transpositions, at a third of the speed.
KERAS_BACKEND = "openvino"
IMAGE_DATA_FORMAT = "channels_first"
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}
PRECISIONS = (*_PRECISION_HINTS, MIXED)
_FEATURE_MAP_RANK = 4


def check_processor(precision: str) -> None:
    """Raise EngineError if the processor of this machine cannot compute in this precision."""
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision != "float32" and "BF16" not in able:
        raise EngineError(
            "openvino",
            f"precision {precision}",
            f"this processor computes in {', '.join(able)}",
            "choose --precision float32, or instances whose processor has AMX or AVX512_BF16",
        )


def export(model: "keras.Model", folder: Path) -> list[Path]:
    """Write the model as OpenVINO reads it: its structure, and its weights in a second file."""
    model.export(str(folder / "keras.xml"), format="openvino", verbose=False)
    made = openvino.Core().read_model(folder / "keras.xml")
    _free_batches(made)
    openvino.save_model(made, str(folder / "network.xml"), compress_to_fp16=False)
    return [folder / "network.xml", folder / "network.bin"]


def _free_batches(model: Any) -> None:
    """Let each `Reshape` of Keras take batches of any size: exported, it knows those of one photograph alone."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Reshape" or node.input_value(1).get_node().get_type_name() != "Constant":
            continue
        target = node.input_value(1).get_node().get_data().copy()
        if target[0] == 1 and node.input_value(0).get_partial_shape()[0].is_dynamic:
            target[0] = -1
            node.input(1).replace_source_output(openvino.op.Constant(target).output(0))
    model.validate_nodes_and_infer_types()


def options(precision: str, threads: int) -> dict[str, Any]:
    """Return the properties that a network is compiled with."""
    return {
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Every worker of a node would pin itself to the same first core, while the other cores stand idle.
        "ENABLE_CPU_PINNING": False,
    }


def load(path: Path, network: NetworkChoice, threads: int) -> PredictFn:
    """Return the function that computes with the network; it is compiled for each size of batches that comes."""
    check_processor(network.precision)
    core = openvino.Core()

    @cache
    def compiled(shape: tuple[int, ...]) -> list[Any]:
        model = core.read_model(path)
        model.reshape(shape)
        parts = {network.precision: model}
        if network.precision == MIXED:
            parts = dict(zip(_PRECISION_HINTS, in_two_parts(model, network.float32_until), strict=True))
        return [core.compile_model(part, "CPU", options(precision, threads)) for precision, part in parts.items()]

    def predict(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        # Batches are all of one size, and a network for that size alone is faster than one for any size.
        values: NDArray[Any] = pixels
        for part in compiled(pixels.shape):
            values = part(values)[0]
        # It is copied: its memory belongs to the request, and the next batch writes over it.
        return np.array(values, dtype=np.float32)

    return predict


def in_two_parts(model: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Cut a network behind its first block that ends in a feature map of this shape, without the batch.

    Return the part from the pixels to that map, and the part from there to the vectors.
    """
    end = next(node.output(0) for node in model.get_ordered_ops() if _map_of(node) == shape)
    behind = end.get_target_inputs()
    head = openvino.Model([end], model.get_parameters())
    between = opset13.parameter(end.get_partial_shape(), openvino.Type.f32)
    for target in behind:
        target.replace_source_output(between.output(0))
    return head, openvino.Model(model.get_results(), [between])


def _map_of(node: Any) -> tuple[int, ...]:
    """Return the shape of a block's result, without the batch. A convolution's comes before its normalization."""
    if node.get_type_name() not in ("Add", "BatchNormInference"):
        return ()
    sizes = node.output(0).get_partial_shape()
    if sizes.rank.get_length() != _FEATURE_MAP_RANK:
        return ()
    return tuple(size.get_length() for size in list(sizes)[1:] if size.is_static)
