"""Prints how well near-duplicates find planted copies of photographs: recall, and precision, by the threshold.

    planted_copies.py PHOTOS WEIGHTS [--backbone mobilenet_v2] [--count 400]

Run in the Spark environment. Each photograph is copied five times: JPEG of quality 60, cropped by 5 %, 10 % brighter,
10 % darker, half the size. Every pair of two photographs counts as wrong, also one that shows the same crate twice, or
a fruit and the same fruit turned a little; "of labels" says how precise it is if only pairs of two labels are wrong. A
label is the name of a parent folder. At the default threshold it also prints the recall of each kind of copy.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from image_features.featurize.batches import Computed, FeaturizeOptions, compute
from image_features.networks.arguments import NetworkArguments
from image_features.networks.engines.engine import engine_module
from image_features.networks.export import export_network
from image_features.networks.weights import find_asked
from image_features.validate.duplicates.likeness import unit_roots
from run_contract.param_queries import param_named

DEFAULT = param_named("duplicate_likeness").default
THRESHOLDS = (0.94, 0.95, DEFAULT, 0.96, 0.97)


def _cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(0.025 * width), round(0.025 * height), round(0.975 * width), round(0.975 * height)))


COPIES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "quality 60": lambda picture: picture,
    "cropped": _cropped,
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.9),
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
}


def contents(paths: list[Path]) -> dict[str, bytes]:
    """Return the bytes of each photograph and of its copies; names of one photograph begin with one number."""
    found = {}
    for number, path in enumerate(paths):
        found[f"{number}/original"] = path.read_bytes()
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        for name, change in COPIES.items():
            encoded = io.BytesIO()
            change(picture).save(encoded, "JPEG", quality=60 if name == "quality 60" else 95)
            found[f"{number}/{name}"] = encoded.getvalue()
    return found


def vectors(asked: NetworkArguments, photos: Mapping[str, bytes]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        weights = find_asked(asked, Path(folder))
        network = weights.described or asked.architecture
        exported = export_network(asked, weights, Path(folder))
        predict = engine_module(asked).load(exported.files[0], asked, 2)
        options = FeaturizeOptions(asked.decoder(network.side_px), batch_size=2, threads=2)
        outcomes = dict(compute(photos.items(), predict, options))
    return np.stack([outcome.vector for name in photos if isinstance(outcome := outcomes[name], Computed)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--count", type=int, default=400)
    given = parser.parse_args()
    places = {"models_uri": "s3://b/m", "stats_uri": "s3://b/s", "progress_uri": "s3://b/p"}
    asked = NetworkArguments(backbone=given.backbone, weights=given.weights, **places)
    paths = sorted(given.photos.rglob("*.jpg"))
    chosen = [paths[number * len(paths) // given.count] for number in range(given.count)]
    planted = contents(chosen)
    roots = unit_roots(vectors(asked, planted))
    assert len(roots) == len(planted)
    owners = np.array([int(name.partition("/")[0]) for name in planted])
    kinds = np.array([name.partition("/")[2] for name in planted])
    labels = np.array([path.parent.name for path in chosen])[owners]
    is_later = np.triu(np.ones((len(roots),) * 2, bool), 1)
    is_copy, is_of_label = owners[:, None] == owners, labels[:, None] == labels
    likeness = roots @ roots.T
    wanted = is_later & is_copy & (kinds == "original")[:, None]
    for least in THRESHOLDS:
        near = is_later & (likeness >= least)
        found = {
            "recall": (near & wanted).sum() / wanted.sum(),
            "precision": (near & is_copy).sum() / near.sum(),
            "precision of labels": (near & is_of_label).sum() / near.sum(),
        }
        if least == DEFAULT:
            found |= {kind: (near & wanted)[:, kinds == kind].sum() / given.count for kind in COPIES}
        print(json.dumps({"likeness": least, **{name: round(float(share), 4) for name, share in found.items()}}))


if __name__ == "__main__":
    main()
