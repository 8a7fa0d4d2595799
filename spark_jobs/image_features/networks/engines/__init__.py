"""Engines run an exported network on the workers. Each is a module with the same three functions:

`check(precision)` raises EngineError if this machine cannot compute in it; `export(model, folder)` writes the files of
a Keras model, the one to load first; `load(path, precision, threads)` makes the predict function. `KERAS_BACKEND` and
`IMAGE_DATA_FORMAT` say in what the model has to be built.
"""

from image_features.networks.engines.ship import PredictFn, ShippedNetwork, engine_module, ship
from run_contract.params import param_named

__all__ = ["ENGINES", "PRECISIONS", "PredictFn", "ShippedNetwork", "engine_module", "ship"]

ENGINES = param_named("engine").choices
PRECISIONS = param_named("precision").choices
