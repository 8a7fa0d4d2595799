"""From contents to vectors in batches of one size, decoding a batch ahead of the network. Pure."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from image_features.featurize.decode_process import Decode
from image_features.images.decode import Pixels, Seen
from image_features.images.look import Look
from image_features.rejects import Reject

PredictFn = Callable[[np.ndarray], np.ndarray]
Content = tuple[str, bytes]
"""The SHA-256 of an image's bytes, and the bytes."""


@dataclass(frozen=True)
class Computed:
    """What is kept of an image's bytes: their vector, float32 (d), and the look of the picture."""

    vector: np.ndarray
    look: Look


Outcome = tuple[str, Computed | Reject]
"""The SHA-256 of an image's bytes, and what is kept of them, or why there is nothing."""


@dataclass(frozen=True)
class FeaturizeOptions:
    """Options of the computation: `threads` decode side by side, `batch_size` images go through the network at once."""

    decode: Decode
    batch_size: int
    threads: int


def compute(contents: Iterable[Content], predict: PredictFn, options: FeaturizeOptions) -> Iterator[Outcome]:
    """Yield the outcome of each content, one batch of the network at a time, with the rejects met on the way.

    `predict` takes uint8 (batch_size, side, side, 3) and returns float32 (batch_size, d). Its batches are always full,
    so that no vector depends on how many images there were: engines choose their kernels by the size of the batch, and
    with a batch that is not full the last digits could differ from run to run.
    """
    keys: list[tuple[str, Look]] = []
    pixels: list[Pixels] = []
    for key, outcome in _decoded(contents, options):
        if isinstance(outcome, Reject):
            yield key, outcome
            continue
        keys.append((key, outcome.look))
        pixels.append(outcome.pixels)
        if len(pixels) == options.batch_size:
            yield from _computed(keys, predict(np.stack(pixels)))
            keys, pixels = [], []
    if pixels:
        filled = itertools.islice(itertools.cycle(pixels), options.batch_size)
        yield from _computed(keys, predict(np.stack(list(filled)))[: len(keys)])


def _computed(keys: Sequence[tuple[str, Look]], vectors: np.ndarray) -> Iterator[Outcome]:
    return ((key, Computed(vector, look)) for (key, look), vector in zip(keys, vectors, strict=True))


def _decoded(contents: Iterable[Content], options: FeaturizeOptions) -> Iterator[tuple[str, Seen | Reject]]:
    """Yield what is decoded in order, one batch ahead of the network and no further.

    Pixels take 20 times the memory of their JPEG.
    """
    with ThreadPoolExecutor(options.threads, thread_name_prefix="decode") as pool:
        ahead = deque[tuple[str, Future[Seen | Reject]]]()
        for key, content in contents:
            ahead.append((key, pool.submit(options.decode, content)))
            if len(ahead) > options.batch_size:
                first, future = ahead.popleft()
                yield first, future.result()
        for key, future in ahead:
            yield key, future.result()
