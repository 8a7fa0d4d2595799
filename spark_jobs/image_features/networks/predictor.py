"""From the names of a backbone and its weights to a function that the workers predict with, in three steps."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_features.networks.arguments import NetworkArguments
from image_features.networks.backbones import Backbone
from image_features.networks.engines import PredictFn, engine_module, ship
from image_features.networks.export import ExportedNetwork, find_or_export
from image_features.networks.weights import FoundWeights, find_weights
from run_contract.params import params_of
from run_contract.stages import FEATURIZE

if TYPE_CHECKING:
    from pyspark import SparkContext

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictorOptions:
    """What to predict with, and how many threads one prediction may use."""

    backbone: Backbone
    weights: str
    models_uri: str
    engine: str
    precision: str
    threads: int


def find_checked_weights(options: PredictorOptions, folder: Path) -> FoundWeights:
    """Return the weights, which lie in `folder` if they had to be fetched.

    Raises EngineError if the engine cannot compute here, WeightsUnavailableError.
    """
    # The engine is checked before the weights, which may take minutes to come.
    engine_module(options.engine).check(options.precision)
    weights = find_weights(options.weights, options.backbone, options.models_uri, folder)
    if weights.seed is not None:
        logger.warning(
            "RANDOM WEIGHTS (%s): %s was never trained; its features only try the pipeline and mean nothing",
            weights.source,
            options.backbone.name,
        )
    return weights


def make_network(options: PredictorOptions, weights: FoundWeights, folder: Path) -> ExportedNetwork:
    """Return the network in `folder`, of an earlier run or made in a process of its own.

    Raises WeightsMismatchError.
    """
    return find_or_export(options.backbone, weights, options.engine, options.models_uri, folder)


def ship_network(
    context: "SparkContext", options: PredictorOptions, network: ExportedNetwork
) -> Callable[[], PredictFn]:
    """Return what makes the predict function on a worker.

    The network's folder must stay until the last worker is done: they fetch it from there.
    """
    return ship(context, network.files, options.engine, options.precision, options.threads)


def network_details(
    asked: NetworkArguments, options: PredictorOptions, weights: FoundWeights, identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the stats say of the network."""
    sha256, pretrained = identity["weights_sha256"], weights.seed is None
    return {
        **{param.name: getattr(asked, param.name) for param in params_of(FEATURIZE)},
        "dimension": options.backbone.dimension,
        "weights": {"source": weights.source, "sha256": sha256, "pretrained": pretrained},
        "identity": dict(identity),
    }
