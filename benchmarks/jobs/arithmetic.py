"""How much of the processor's arithmetic the networks use: the least that any engine could need for them.

Multiplications and additions a second of each network, in one process a core, against those of a plain product of large
matrices (SGEMM) by numpy on the same cores. Weights are random, photographs are noise. Prints JSON.
"""

import argparse
import json
import math
import os
import tempfile
import time
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from precisions import able
from speed_of_light import BATCH_SIZE, exported

from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines.engine import engine_module
from image_features.networks.weights import FoundWeights
from run_contract.backbones import FLOAT32_UNTIL, MIXED

MEASURED = ("mobilenet_v2", "resnet50", "vgg16")
SECONDS = 10.0
SGEMM_SIDE = 2048


def sgemm_gflops() -> float:
    """Of the fastest of many products: numpy's BLAS uses all cores."""
    left, right = np.random.default_rng(0).random((2, SGEMM_SIDE, SGEMM_SIDE), dtype=np.float32)
    times = []
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        before = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - before)
    return 2 * SGEMM_SIDE**3 / min(times) / 1e9


def gflop_of(network: Path) -> float:
    """Of one photograph: a multiplication and an addition for each weight that meets an output's position."""
    model = openvino.Core().read_model(network)
    model.reshape([1, *list(model.inputs[0].get_partial_shape())[1:]])
    return sum(2 * _multiplications(node) for node in model.get_ordered_ops()) / 1e9


def _multiplications(node: Any) -> int:
    kind = node.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "MatMul"):
        return 0
    weights = list(node.input(1).get_shape())
    # (out, in, h, w), (groups, out, in, h, w), (in, out) or (out, in): what one output adds up.
    summed = {"Convolution": weights[1:], "GroupConvolution": weights[2:], "MatMul": [node.input(0).get_shape()[-1]]}
    return math.prod(node.output(0).get_shape()) * math.prod(summed[kind])


def images_per_second(network: Path, precision: str, side_px: int) -> float:
    """Of as many processes as there are cores, side by side."""
    cores, context = os.cpu_count() or 1, get_context("spawn")
    barrier, rates = context.Barrier(cores), context.SimpleQueue()
    work = partial(_predict, network=network, precision=precision, side_px=side_px, barrier=barrier, rates=rates)
    processes = [context.Process(target=work) for _ in range(cores)]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def _predict(network: Path, precision: str, side_px: int, barrier: Barrier, rates: Any) -> None:
    chosen = NetworkChoice(precision=precision)
    predict = engine_module(chosen).load(network, chosen, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH_SIZE, side_px, side_px, 3), np.uint8)
    predict(pixels)
    barrier.wait()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        predict(pixels)
        count += BATCH_SIZE
    rates.put(count / (time.perf_counter() - started))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=MEASURED)
    measured = []
    for name in parser.parse_args().backbones:
        with tempfile.TemporaryDirectory() as folder:
            network = exported(name, FoundWeights("random:0", seed=0), folder)
            gflop, side_px = gflop_of(network), BACKBONES[name].side_px
            precisions = [each for each in able() if each != MIXED or name in FLOAT32_UNTIL]
            rates = {precision: images_per_second(network, precision, side_px) for precision in precisions}
        for precision, rate in rates.items():
            of_image = {"gflop": round(gflop, 2), "images_per_s": round(rate, 1), "gflops": round(rate * gflop)}
            measured.append({"backbone": name, "precision": precision, **of_image})
    print(json.dumps({"sgemm_gflops": round(sgemm_gflops()), "cores": os.cpu_count(), "rows": measured}, indent=1))


if __name__ == "__main__":
    main()
