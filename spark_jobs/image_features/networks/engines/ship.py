"""The way of an exported network from the driver to the workers, where each process loads it once and keeps it."""

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from image_features.networks.arguments import NetworkChoice
from image_features.networks.engines.engine import PredictFn, engine_module

if TYPE_CHECKING:
    from pyspark import SparkContext


def ship(
    context: "SparkContext", files: Sequence[Path], network: NetworkChoice, threads: int
) -> Callable[[], PredictFn]:
    """Let Spark carry an exported network to the workers; return what makes its predict function there.

    `files` are renamed and must stay until the last worker is done: the workers fetch them from there.
    """
    # Spark keeps one file of a name as long as a session lives, so the name is made from the content.
    stem = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    for file in files:
        named = file.rename(file.with_name(f"{stem}{file.suffix}"))
        context.addFile(str(named))
    return partial(load_shipped, network, f"{stem}{files[0].suffix}", threads)


@lru_cache(maxsize=1)
def load_shipped(network: NetworkChoice, file_name: str, threads: int) -> PredictFn:
    """Return the predict function of a network that was shipped to this worker under a name."""
    from pyspark import SparkFiles

    return engine_module(network).load(Path(SparkFiles.get(file_name)), network, threads)
