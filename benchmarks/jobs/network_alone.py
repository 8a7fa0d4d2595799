"""The floor of a whole run: the processor time that the network alone takes for so many photographs, in one process.

Prints seconds. The pixels are noise, and the network computes what it always does: speed depends on none.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from speed_of_light import BATCH_SIZE, exported

from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines.engine import engine_module
from image_features.networks.weights import FoundWeights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("backbone", "weights", "precision"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, required=True)
    arguments = parser.parse_args()
    side_px, chosen = BACKBONES[arguments.backbone].side_px, NetworkChoice(precision=arguments.precision)
    weights = FoundWeights(arguments.weights, Path(arguments.weights), "benchmark")
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH_SIZE, side_px, side_px, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        predict = engine_module(chosen).load(exported(arguments.backbone, weights, folder), chosen, 1)
        predict(pixels)  # Only now is the network read.
    began = time.process_time()
    for _ in range(0, arguments.count, BATCH_SIZE):
        predict(pixels)
    print(time.process_time() - began)


if __name__ == "__main__":
    main()
