"""The way of an exported network from the driver to the workers, where each process loads it once and keeps it."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from image_features.networks.engines.engine import PredictFn, engine_module

if TYPE_CHECKING:
    from pyspark import SparkContext


@dataclass(frozen=True)
class ShippedNetwork:
    """The names by which a worker finds the network: they cross to the workers, the network itself does not."""

    engine: str
    file_name: str
    precision: str
    threads: int

    def __call__(self) -> PredictFn:
        """Return the predict function, on a worker."""
        from pyspark import SparkFiles

        return _loaded(self.engine, SparkFiles.get(self.file_name), self.precision, self.threads)


def ship(context: "SparkContext", files: Sequence[Path], engine: str, precision: str, threads: int) -> ShippedNetwork:
    """Let Spark carry an exported network to the workers; `files` are renamed and must stay until the work is done."""
    # Spark keeps one file of a name as long as a session lives, so the name is made from the content.
    stem = _digest(files)
    for file in files:
        named = file.rename(file.with_name(f"{stem}{file.suffix}"))
        context.addFile(str(named))
    return ShippedNetwork(engine, f"{stem}{files[0].suffix}", precision, threads)


@functools.lru_cache(maxsize=1)
def _loaded(engine: str, path: str, precision: str, threads: int) -> PredictFn:
    return engine_module(engine).load(Path(path), precision, threads)


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
