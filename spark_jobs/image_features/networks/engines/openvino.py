"""OpenVINO on the CPU. Its workers never import TensorFlow: they start fast and stay small."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from image_features.errors import EngineError

# OpenVINO reports its use to Google Analytics, from processes that it forks off the driver, where they break Spark's
# connection to its JVM. Without this package, it does not.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402

# Keras builds the network in OpenVINO itself, without TensorFlow, and its channels lie as OpenVINO computes: the other
# way round, each convolution would stand between two transpositions, at a third of the speed.
KERAS_BACKEND = "openvino"
IMAGE_DATA_FORMAT = "channels_first"
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}


def check(precision: str) -> None:
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bfloat16" and "BF16" not in able:
        raise EngineError(
            "openvino",
            "precision bfloat16",
            f"this processor computes in {', '.join(able)}",
            "choose --precision float32, or instances whose processor has AMX or AVX512_BF16",
        )


def export(model: Any, folder: Path) -> list[Path]:
    model.export(str(folder / "network.xml"), format="openvino", verbose=False)
    return [folder / "network.xml", folder / "network.bin"]


def options(precision: str, threads: int) -> dict[str, Any]:
    """What a network is compiled with."""
    return {
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Every worker of a node would pin itself to the same first core, and the others stand idle.
        "ENABLE_CPU_PINNING": False,
    }


def load(path: Path, precision: str, threads: int) -> Any:
    check(precision)
    core = openvino.Core()

    @cache
    def compiled(shape: tuple[int, ...]) -> Any:
        model = core.read_model(path)
        model.reshape(shape)
        return core.compile_model(model, "CPU", options(precision, threads))

    def predict(pixels: np.ndarray) -> np.ndarray:
        # Batches are all of one size, and a network for that size alone is faster than one for any.
        # A copy: the result's memory belongs to the request, and the next batch writes over it.
        return np.array(compiled(pixels.shape)(pixels)[0], dtype=np.float32)

    return predict
