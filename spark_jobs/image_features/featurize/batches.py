"""Pure: contents to vectors in batches of one size, decoding a batch ahead of the network."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from image_features.images.decode import DecodeFailure, Pixels, decode_image

PredictFn = Callable[[np.ndarray], np.ndarray]
Content = tuple[str, bytes]
"""The SHA-256 of an image's bytes, and the bytes."""


@dataclass(frozen=True)
class FeaturizeOptions:
    """`threads` decode side by side; `batch_size` images go through the network at once."""

    side_px: int
    resize: str
    batch_size: int
    threads: int


@dataclass
class Computed:
    """What came of some contents: `vectors` are float32 (n, d) in the order of `keys`."""

    keys: list[str] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    failures: dict[str, DecodeFailure] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.keys) + len(self.failures)


def compute(
    contents: Iterable[Content], predict: PredictFn, options: FeaturizeOptions, pool: ThreadPoolExecutor
) -> Iterator[Computed]:
    """The contents in their order, a batch of the network in each outcome, with the failures met on the way.

    `predict` takes uint8 (batch_size, side, side, 3) and gives float32 (batch_size, d): always as many, so that no
    vector depends on how many images there were. (Engines choose their kernels by the batch; with a batch that is
    not full, the last digits could differ from run to run.)
    """
    decoded = _decoded(contents, options, pool)
    computed, pixels = Computed(), []
    for key, outcome in decoded:
        if isinstance(outcome, DecodeFailure):
            computed.failures[key] = outcome
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
) -> Iterator[tuple[str, Pixels | DecodeFailure]]:
    """Decoded in order, a batch ahead of the network and no further: pixels are 20 times their JPEG."""
    ahead: list[tuple[str, Future[Pixels | DecodeFailure]]] = []
    # As many as one batch waits for and the next one is made of.
    most = 2 * options.batch_size
    waiting = iter(contents)
    while True:
        for key, content in itertools.islice(waiting, most - len(ahead)):
            ahead.append((key, pool.submit(decode_image, content, options.side_px, options.resize)))
        if not ahead:
            return
        for key, future in ahead[: options.batch_size]:
            yield key, future.result()
        del ahead[: options.batch_size]
