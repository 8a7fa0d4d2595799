"""What int8 costs MobileNetV2's vectors: calibrated on real photographs, all of the network or the blocks that bear it.

Needs nncf, which no environment of this project has: pip install --target FOLDER --no-deps nncf and what it then asks
for, and PYTHONPATH=spark_jobs:FOLDER. Needs real weights, and photographs in folders by label: every third one
calibrates, cosines are of the others. Prints JSON.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

# It imports this to report its use.
sys.modules["openvino_telemetry"] = type(sys)("openvino_telemetry")
sys.modules["openvino_telemetry"].Telemetry = lambda *_, **__: None  # type: ignore[attr-defined]
import nncf  # type: ignore[import-not-found]  # noqa: E402
import openvino  # noqa: E402
from precision_plans import (  # noqa: E402
    BACKBONE,
    cpu_ms,
    exported_network,
    judge,
    load_photos,
    parse_arguments,
    whole,
)

CALIBRATE_EVERY = 3
LAYER_TYPES = ("Convolution", "GroupConvolution")


def layers_of(model: Any) -> list[str]:
    """Names of the convolutions in their order: 52 of MobileNetV2."""
    return [node.get_friendly_name() for node in model.get_ordered_ops() if node.get_type_name() in LAYER_TYPES]


def quantized(path: Path, photos: np.ndarray, in_float32: Iterable[str]) -> Any:
    """Weights by channel, activations by tensor; the named layers stay as they are."""
    model = openvino.Core().read_model(path)
    # What is neither a convolution's input nor its weights stays in float32, too.
    others = [
        node.get_friendly_name() for node in model.get_ordered_ops() if node.get_type_name() in ("Add", "ReduceMean")
    ]
    calibration = nncf.Dataset([photos[at : at + 4] for at in range(0, len(photos) - 3, 4)])
    return nncf.quantize(
        model,
        calibration,
        subset_size=len(photos) // 4,
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(names=[*in_float32, *others], validate=False),
    )


def main() -> None:
    arguments = parse_arguments(__doc__)
    pixels, labels = load_photos(arguments.photos, BACKBONE.side_px)
    is_for_calibration = np.arange(len(pixels)) % CALIBRATE_EVERY == 0
    judged_pixels, calibration = pixels[~is_for_calibration], pixels[is_for_calibration]
    judged_labels = [label for label, is_left in zip(labels, ~is_for_calibration, strict=True) if is_left]
    with tempfile.TemporaryDirectory() as folder:
        path = exported_network(arguments.weights, folder)
        layers = layers_of(openvino.Core().read_model(path))
        reference = whole(path, "float32")
        baseline = judge(reference, judged_pixels, judged_labels, None)
        base_ms = cpu_ms(reference, judged_pixels)
        found: dict[str, Any] = {"float32": _facts(baseline, base_ms, base_ms)}
        for name, kept in plans(layers).items():
            predict = whole(quantized(path, calibration, kept), "float32")
            judged = judge(predict, judged_pixels, judged_labels, baseline["vectors"])
            found[name] = _facts(judged, cpu_ms(predict, judged_pixels), base_ms)
            print(name, found[name], file=sys.stderr, flush=True)
    print(json.dumps({"photos": len(judged_pixels), "calibration": len(calibration), "plans": found}, indent=1))


def plans(layers: list[str]) -> dict[str, list[str]]:
    """By name, the layers that stay in float32. Each block has three, the first one two behind the stem."""
    return {
        "int8": [],
        "int8, first two blocks in float32": layers[:6],
        "int8, first six blocks in float32": layers[:18],
        "int8, first half in float32": layers[: len(layers) // 2],
        "int8, all but the last three blocks in float32": layers[:-10],
    }


def _facts(judged: dict[str, Any], ms: float, base_ms: float) -> dict[str, Any]:
    facts = {name: value for name, value in judged.items() if name != "vectors"}
    return facts | {"cpu_ms": round(ms, 3), "over_float32": round(base_ms / ms, 3)}


if __name__ == "__main__":
    main()
