"""Writes a backbone's weights, drawn at random from a fixed seed, as a file that `weights=` takes."""

import argparse

from image_features.networks.backbones import BACKBONES
from image_features.networks.keras_model import load_network
from image_features.networks.weights import FoundWeights

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--weights", required=True, help="the file, its name ending in .weights.h5")
    arguments = parser.parse_args()
    network = load_network(BACKBONES[arguments.backbone], FoundWeights(f"random:{SEED}", seed=SEED))
    network.model.save_weights(arguments.weights)


if __name__ == "__main__":
    main()
