"""An engine: a module that exports a Keras model to a file and computes with that file on the workers."""

import importlib
from collections.abc import Callable
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
        self.engine, self.asked = engine, asked
        super().__init__(f"engine {engine}: {asked} is not possible here: {reason}; {remedy}")


class Engine(Protocol):
    """What every module of an engine has; the two constants say in what its Keras model must be built."""

    KERAS_BACKEND: str
    IMAGE_DATA_FORMAT: str

    def check(self, network: NetworkChoice) -> None:
        """Raise EngineError if this machine cannot compute with what was chosen."""

    def export(self, model: "keras.Model", folder: Path) -> list[Path]:
        """Write the model's files to `folder`; return their paths, the one to load first."""

    def load(self, path: Path, network: NetworkChoice, threads: int) -> PredictFn:
        """Return the function that computes with the exported network at `path`, in `threads` threads."""


def engine_module(network: NetworkChoice) -> Engine:
    """Import the engine of a network; what it computes with is imported only here."""
    return cast(Engine, importlib.import_module(f"image_features.networks.engines.{network.engine}"))
