"""What decoding at a reduced scale gives for large photographs, and what it costs their vectors. Prints JSON.

Large photographs are made of small ones, for none are at hand: *detail* is a mosaic of hundreds, with more edges than
any camera sees; *noise* is one photograph enlarged, under a sensor's grain. Needs real weights and photographs.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image
from speed_of_light import exported

from image_features.images import decode
from image_features.images.decode import Pixels, decode_image
from image_features.networks.arguments import NetworkChoice
from image_features.networks.backbones import BACKBONES
from image_features.networks.engines.engine import engine_module
from image_features.networks.weights import FoundWeights, sha256_of

BACKBONE = "mobilenet_v2"
SIZES = ((4000, 3000), (3584, 3584), (2016, 1512))
PHOTOGRAPHS = 10
TILE_PX = 200
GRAIN = 6.0


def detail(paths: list[Path], width: int, height: int, random: np.random.Generator) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            picture.paste(_photograph(paths, random).resize((TILE_PX, TILE_PX)), (left, top))
    return picture


def noise(paths: list[Path], width: int, height: int, random: np.random.Generator) -> Image.Image:
    large = np.asarray(_photograph(paths, random).resize((width, height), Image.Resampling.LANCZOS), np.float32)
    return Image.fromarray(np.clip(large + random.normal(0, GRAIN, large.shape), 0, 255).astype(np.uint8))


def _photograph(paths: list[Path], random: np.random.Generator) -> Image.Image:
    return Image.open(paths[random.integers(len(paths))]).convert("RGB")


def decoded(contents: list[bytes], margin: int, side_px: int) -> tuple[np.ndarray, float]:
    """(n, side, side, 3), and milliseconds of processor time a photograph."""
    with mock.patch.object(decode, "SCALED_DECODE_MARGIN", margin):
        started = time.process_time()
        pixels: list[Any] = [decode_image(content, side_px, "bilinear") for content in contents]
        return np.stack(pixels), (time.process_time() - started) / len(contents) * 1e3


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    products: np.ndarray = (left * right).sum(axis=1)
    return products / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    given = parser.parse_args()
    paths, random = sorted(given.photos.rglob("*.jpg")), np.random.default_rng(0)
    weights = FoundWeights("own", given.weights, sha256_of(given.weights))
    with tempfile.TemporaryDirectory() as folder:
        predict = engine_module(NetworkChoice()).load(exported(BACKBONE, weights, folder), NetworkChoice(), 1)
        rows = [
            _row(kind.__name__, size, [_jpeg(kind(paths, *size, random)) for _ in range(PHOTOGRAPHS)], predict)
            for kind in (detail, noise)
            for size in SIZES
        ]
    print(json.dumps({"margin": decode.SCALED_DECODE_MARGIN, "photographs": PHOTOGRAPHS, "rows": rows}, indent=1))


def _row(kind: str, size: tuple[int, int], contents: list[bytes], predict: Any) -> dict[str, Any]:
    side_px = BACKBONES[BACKBONE].side_px
    # No photograph has so many pixels that this margin would reduce it.
    whole, whole_ms = decoded(contents, 1_000, side_px)
    reduced, reduced_ms = decoded(contents, decode.SCALED_DECODE_MARGIN, side_px)
    similar = cosines(_vectors(whole, predict), _vectors(reduced, predict))
    return {
        "kind": kind,
        "size": f"{size[0]} x {size[1]}",
        "whole_ms": round(whole_ms, 1),
        "reduced_ms": round(reduced_ms, 1),
        "times": round(whole_ms / reduced_ms, 2),
        "median_cosine": round(float(np.median(similar)), 5),
        "smallest_cosine": round(float(similar.min()), 5),
    }


def _vectors(pixels: Pixels, predict: Any) -> np.ndarray:
    return np.concatenate([predict(pixels[start : start + 1]) for start in range(len(pixels))])


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
