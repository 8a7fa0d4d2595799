"""The engines that run an exported network on the workers, and the way in which the network comes there."""

from image_features.networks.engines.engine import Engine, EngineError, PredictFn, engine_module
from image_features.networks.engines.ship import ShippedNetwork, ship
from run_contract.params import param_named

__all__ = ["ENGINES", "PRECISIONS", "Engine", "EngineError", "PredictFn", "ShippedNetwork", "engine_module", "ship"]

ENGINES = param_named("engine").choices
PRECISIONS = param_named("precision").choices
