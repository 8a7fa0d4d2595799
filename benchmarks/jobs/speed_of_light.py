"""The speed of light: the same network and decoder in plain Python processes, without Spark, one process a core.

What `featurize_images` takes longer than this is what Spark, Arrow and the JVM cost.
"""

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from image_features.images.decode import Pixels, decode_image
from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines.engine import engine_module
from image_features.networks.weights import FoundWeights

BATCH_SIZE = 2


def exported(backbone_name: str, weights: FoundWeights, folder: str) -> Path:
    """As the stage does it. Imported here, for the processes that compute need nothing of S3."""
    from image_features.networks.export import export_network
    from image_features.networks.subprocess_call import in_own_process

    return in_own_process(export_network, NetworkChoice(backbone=backbone_name), weights, Path(folder)).files[0]


def featurize(share: tuple[list[Path], Path], network: Path, precision: str, resize: str, side_px: int) -> int:
    paths, target = share
    chosen = NetworkChoice(precision=precision)
    predict = engine_module(chosen).load(network, chosen, 1)
    vectors = []
    for start in range(0, len(paths), BATCH_SIZE):
        pixels = np.stack([_pixels(path, side_px, resize) for path in paths[start : start + BATCH_SIZE]])
        # Always as many: a network is compiled for one size of batches.
        vectors.append(predict(np.resize(pixels, (BATCH_SIZE, *pixels.shape[1:])))[: len(pixels)])
    features = np.concatenate(vectors)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(features.reshape(-1)), features.shape[1])
    pq.write_table(pa.table({"uri": [str(path) for path in paths], "features": lists}), target, compression="zstd")
    return len(paths)


def _pixels(path: Path, side_px: int, resize: str) -> Pixels:
    pixels = decode_image(path.read_bytes(), side_px, resize)
    if not isinstance(pixels, np.ndarray):
        raise SystemExit(f"{path}: {pixels.detail}; benchmarks take sound photographs only")
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("photos", "features", "backbone", "weights"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--resize", default="bilinear")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    photos = sorted(Path(arguments.photos).rglob("*.jpg"))
    target = Path(arguments.features)
    target.mkdir(parents=True, exist_ok=True)
    fresh, parts = get_context("spawn"), arguments.processes
    with tempfile.TemporaryDirectory() as folder:
        weights = FoundWeights(arguments.weights, Path(arguments.weights), "benchmark")
        work = partial(
            featurize,
            network=exported(arguments.backbone, weights, folder),
            precision=arguments.precision,
            resize=arguments.resize,
            side_px=BACKBONES[arguments.backbone].side_px,
        )
        shares = [(photos[part::parts], target / f"part-{part}.parquet") for part in range(parts)]
        with ProcessPoolExecutor(parts, mp_context=fresh) as pool:
            done = sum(pool.map(work, shares))
    if done != len(photos):
        raise SystemExit(f"{done} of {len(photos)} photographs were featurized")


if __name__ == "__main__":
    main()
