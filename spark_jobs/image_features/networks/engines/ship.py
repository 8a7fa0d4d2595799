"""Brings a frozen network from the driver to the workers, where each process loads it once and keeps it."""

import functools
import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyspark import SparkContext, SparkFiles

PredictFn = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ShippedNetwork:
    """What crosses to the workers: names, no network. Called there, it makes the predict function."""

    engine: str
    file_name: str
    precision: str
    threads: int

    def __call__(self) -> PredictFn:
        """Uint8 (n, side, side, 3) to float32 (n, dimension)."""
        return _loaded(self.engine, SparkFiles.get(self.file_name), self.precision, self.threads)


def ship(context: SparkContext, files: Sequence[Path], engine: str, precision: str, threads: int) -> ShippedNetwork:
    """Has Spark carry an exported network, renamed where it lies; workers fetch it from there until they are done."""
    # Spark keeps one file of a name for the life of a session: the name is the content's.
    stem = _sha256(files)
    for file in files:
        named = file.rename(file.with_name(f"{stem}{file.suffix}"))
        context.addFile(str(named))
    return ShippedNetwork(engine, f"{stem}{files[0].suffix}", precision, threads)


def engine_module(engine: str) -> Any:
    return importlib.import_module(f"image_features.networks.engines.{engine}")


@functools.lru_cache(maxsize=1)
def _loaded(engine: str, path: str, precision: str, threads: int) -> PredictFn:
    return engine_module(engine).load(Path(path), precision, threads)


def _sha256(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
