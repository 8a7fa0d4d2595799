"""OpenVINO on the CPU, whose workers never import TensorFlow: they start fast and stay small."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from image_features.networks.arguments import NetworkChoice
from image_features.networks.engines.engine import EngineError, PredictFn

if TYPE_CHECKING:
    import keras

# OpenVINO reports its use to Google Analytics, from processes that it forks from the driver. There they break Spark's
# connection to its JVM. Without this package it reports nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402

# Keras builds the network in OpenVINO itself, without TensorFlow. Channels come first, as OpenVINO computes them: with
# channels last each convolution would stand between two transpositions, at a third of the speed.
KERAS_BACKEND = "openvino"
IMAGE_DATA_FORMAT = "channels_first"
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}
PRECISIONS = tuple(_PRECISION_HINTS)


def check_processor(precision: str) -> None:
    """Raise EngineError if the processor of this machine cannot compute in this precision."""
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bfloat16" and "BF16" not in able:
        raise EngineError(
            "openvino",
            "precision bfloat16",
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
    def compiled(shape: tuple[int, ...]) -> Any:
        model = core.read_model(path)
        model.reshape(shape)
        return core.compile_model(model, "CPU", options(network.precision, threads))

    def predict(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        # Batches are all of one size, and a network for that size alone is faster than one for any size.
        # The result is copied: its memory belongs to the request, and the next batch writes over it.
        return np.array(compiled(pixels.shape)(pixels)[0], dtype=np.float32)

    return predict
