"""Engines run a frozen network on the workers. Each is a module with the same three functions:

`check(precision)` raises EngineError if this machine cannot compute in it; `export(function, folder)` writes the
network's files on the driver, the one to load first; `load(path, precision, threads)` makes the predict function.
"""

from image_features.engines.shipping import PredictFn, ShippedNetwork, engine_module, ship

__all__ = ["ENGINES", "PRECISIONS", "PredictFn", "ShippedNetwork", "engine_module", "ship"]

ENGINES = ("openvino", "tensorflow")
PRECISIONS = ("float32", "bfloat16")
