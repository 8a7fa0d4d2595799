"""Brings Keras's own weights of a backbone into the bucket's models/, or says in one line on stderr why not.

    stage_weights.py BACKBONE MODELS_URI

Run by weights_file.py in the Spark environment, which has what it takes to fetch them; by hand for a bucket on AWS.
"""

import sys
import tempfile
from pathlib import Path

from image_features.errors import ImageFeaturesError
from image_features.networks.backbones import BACKBONES
from image_features.networks.keras_model import load_network
from image_features.networks.weights import IMAGENET, find_weights, stage


def main(backbone: str, models_uri: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            weights = find_weights(IMAGENET, BACKBONES[backbone], models_uri, Path(folder))
            # What does not load is not staged: no later run would look for another file.
            load_network(BACKBONES[backbone], weights)
            stage(weights, BACKBONES[backbone], models_uri)
        except ImageFeaturesError as error:
            sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
