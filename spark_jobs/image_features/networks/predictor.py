"""From the names of a backbone and its weights to a function that the workers predict with."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark import SparkContext

from image_features.networks.arguments import NetworkArguments
from image_features.networks.backbones import Backbone
from image_features.networks.engines import PredictFn, engine_module, ship
from image_features.networks.export import ExportedNetwork, find_or_export
from image_features.networks.identity import Identity, identity_of
from image_features.networks.weights import find_weights
from run_contract.params import params_of
from run_contract.stages import FEATURIZE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictorOptions:
    backbone: Backbone
    weights: str
    models_uri: str
    engine: str
    precision: str
    threads: int


@dataclass(frozen=True)
class Weights:
    """As the stats tell it; `pretrained` is false for random ones."""

    source: str
    sha256: str
    pretrained: bool


@dataclass(frozen=True)
class Predictor:
    """Of a network that may still be in the making."""

    options: PredictorOptions
    weights: Weights
    network: Future[ExportedNetwork]

    def make_predict_fn(self, context: SparkContext) -> Callable[[], PredictFn]:
        """Waits for the network; what it returns crosses to the workers. Raises WeightsMismatchError."""
        options = self.options
        return ship(context, self.network.result().files, options.engine, options.precision, options.threads)

    def identity(self, asked: NetworkArguments) -> Identity:
        return identity_of(asked, self.weights.sha256)

    def details(self, asked: NetworkArguments) -> dict[str, Any]:
        """For the stats."""
        return {
            **{param.name: getattr(asked, param.name) for param in params_of(FEATURIZE)},
            "dimension": self.options.backbone.dimension,
            "weights": asdict(self.weights),
            "identity": self.identity(asked),
        }


def make_predictor(options: PredictorOptions, folder: Path, beside: Executor) -> Predictor:
    """The network is made by `beside`; `folder` must stay until the workers are done: they fetch it from there."""
    # Before the weights, which may take minutes to come.
    engine_module(options.engine).check(options.precision)
    found = find_weights(options.weights, options.backbone, options.models_uri, folder)
    network = beside.submit(find_or_export, options.backbone, found, options.engine, options.models_uri, folder)
    # Random weights have to be drawn before their digest is known.
    sha256 = found.sha256 or network.result().weights_sha256
    weights = Weights(found.source, sha256, pretrained=found.seed is None)
    if not weights.pretrained:
        logger.warning(
            "RANDOM WEIGHTS (%s): %s was never trained; its features only try the pipeline and mean nothing",
            weights.source,
            options.backbone.name,
        )
    logger.info("%s with weights %s, SHA-256 %s", options.backbone.name, weights.source, weights.sha256)
    return Predictor(options, weights, network)
