"""An engine: a module that exports a Keras model to a file and computes with that file on the workers."""

import importlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from image_features.errors import ImageFeaturesError
from image_features.networks.arguments import NetworkChoice

if TYPE_CHECKING:
    import keras

PredictFn = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From pixels (n, side, side, 3), RGB, to vectors (n, dimension)."""


class EngineError(ImageFeaturesError):
    """An engine cannot do on this machine what it is asked to do."""

    def __init__(self, engine: str, asked: str, reason: str, remedy: str) -> None:
        super().__init__(f"engine {engine}: {asked} is not possible here: {reason}; {remedy}")


class Engine(Protocol):
    """What every module of an engine has; the first two constants say in what its Keras model must be built."""

    KERAS_BACKEND: str
    IMAGE_DATA_FORMAT: str
    PRECISIONS: Collection[str]

    def export(self, model: "keras.Model", folder: Path) -> list[Path]:
        """Write the model's files to `folder`; return their paths, the one to load first."""

    def load(self, path: Path, network: NetworkChoice, threads: int) -> PredictFn:
        """Return the function that computes with the exported network at `path`, in `threads` threads.

        Raises EngineError if this machine cannot compute in the precision that was chosen.
        """


def engine_module(network: NetworkChoice) -> Engine:
    """Import the engine of a network; raise EngineError for a precision that it has on no machine.

    What it computes with is imported only here. A driver computes nothing, so its own processor does not matter.
    """
    module = cast(Engine, importlib.import_module(f"image_features.networks.engines.{network.engine}"))
    if network.precision not in module.PRECISIONS:
        reason = f"it computes only in {', '.join(module.PRECISIONS)}"
        raise EngineError(network.engine, f"precision {network.precision}", reason, "choose --engine openvino")
    return module
