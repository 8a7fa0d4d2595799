"""Prints how close the vectors of a network of one's own are to those of the framework that it comes from.

    own_network_cosine.py NETWORK.json VECTORS.npz PHOTOS

Run in the Spark environment on what make_efficientnet_lite.py wrote. The vectors are made as a run makes them: the
network of `export_network`, the engine and the batches of the workers.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from image_features.featurize.batches import Computed, FeaturizeOptions, compute
from image_features.networks.arguments import NetworkArguments
from image_features.networks.engines.engine import engine_module
from image_features.networks.export import export_network
from image_features.networks.weights import find_asked


def cosines(network: str, expected: dict[str, np.ndarray], photos: Path, precision: str) -> np.ndarray:
    places = {"models_uri": "s3://b/m", "stats_uri": "s3://b/s", "progress_uri": "s3://b/p"}
    asked = NetworkArguments(backbone="file", weights=network, precision=precision, **places)
    with tempfile.TemporaryDirectory() as folder:
        found = find_asked(asked, Path(folder))
        assert found.described
        exported = export_network(asked, found, Path(folder))
        predict = engine_module(asked).load(exported.files[0], asked, 2)
        options = FeaturizeOptions(asked.decoder(found.described.side_px), batch_size=2, threads=2)
        contents = ((name, (photos / name).read_bytes()) for name in expected)
        outcomes = dict(compute(contents, predict, options))
    vectors = [(outcomes[name], vector) for name, vector in expected.items()]
    pairs = [(ours.vector, theirs) for ours, theirs in vectors if isinstance(ours, Computed)]
    assert len(pairs) == len(expected)
    return np.array([a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in pairs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("vectors")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--precision", default="float32")
    given = parser.parse_args()
    with np.load(given.vectors) as read:
        found = cosines(given.network, dict(read), given.photos, given.precision)
    print(json.dumps({"photographs": len(found), "least_cosine": float(found.min())}))


if __name__ == "__main__":
    main()
