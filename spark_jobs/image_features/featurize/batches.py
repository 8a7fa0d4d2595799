"""From contents to vectors in batches of one size, decoding a batch ahead of the network. Pure."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from image_features.images.decode import Pixels
from image_features.rejects import Reject

PredictFn = Callable[[np.ndarray], np.ndarray]
Content = tuple[str, bytes]
"""The SHA-256 of an image's bytes, and the bytes."""


@dataclass(frozen=True)
class FeaturizeOptions:
    """Options of the computation: `threads` decode side by side, `batch_size` images go through the network at once."""

    decode: Callable[[bytes], Pixels | Reject]
    batch_size: int
    threads: int


@dataclass
class Computed:
    """The outcome for some contents: `vectors` are float32 (n, d) in the order of `keys`; the others are `rejects`."""

    keys: list[str] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    rejects: dict[str, Reject] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.keys) + len(self.rejects)


def compute(
    contents: Iterable[Content], predict: PredictFn, options: FeaturizeOptions, pool: ThreadPoolExecutor
) -> Iterator[Computed]:
    """Yield the contents in their order, one batch of the network at a time, with the rejects met on the way.

    `predict` takes uint8 (batch_size, side, side, 3) and returns float32 (batch_size, d). Its batches are always full,
    so that no vector depends on how many images there were: engines choose their kernels by the size of the batch, and
    with a batch that is not full the last digits could differ from run to run.
    """
    decoded = _decoded(contents, options, pool)
    computed, pixels = Computed(), []
    for key, outcome in decoded:
        if isinstance(outcome, Reject):
            computed.rejects[key] = outcome
            continue
        computed.keys.append(key)
        pixels.append(outcome)
        if len(pixels) == options.batch_size:
            computed.vectors.append(predict(np.stack(pixels)))
            yield computed
            computed, pixels = Computed(), []
    if pixels:
        filled = itertools.islice(itertools.cycle(pixels), options.batch_size)
        computed.vectors.append(predict(np.stack(list(filled)))[: len(pixels)])
    if computed.rows:
        yield computed


def _decoded(
    contents: Iterable[Content], options: FeaturizeOptions, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, Pixels | Reject]]:
    """Yield what is decoded in order, one batch ahead of the network and no further.

    Pixels take 20 times the memory of their JPEG.
    """
    ahead: list[tuple[str, Future[Pixels | Reject]]] = []
    # Enough for the batch that the network waits for and for the next one.
    most = 2 * options.batch_size
    waiting = iter(contents)
    while True:
        for key, content in itertools.islice(waiting, most - len(ahead)):
            ahead.append((key, pool.submit(options.decode, content)))
        if not ahead:
            return
        for key, future in ahead[: options.batch_size]:
            yield key, future.result()
        del ahead[: options.batch_size]
