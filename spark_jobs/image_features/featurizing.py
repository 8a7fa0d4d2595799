"""One fused pass from images to feature vectors on the workers; knows no network, only a function that makes one."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.accumulators import Accumulator
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.decoding import DecodeFailure, Pixels, decode_image
from image_features.outcomes import outcome_schema
from image_features.schemas import FEATURES

PredictFn = Callable[[np.ndarray], np.ndarray]
Batches = Iterator[pa.RecordBatch]

# Rows that Spark hands over at once. Their content is bounded by a file of images; their vectors are 4 * d bytes each.
ROWS_PER_ARROW_BATCH = 256

_OUTCOMES = to_arrow_schema(outcome_schema(FEATURES))
_PLACE = ("image_id", "uri", "label", "split", "etag")


@dataclass(frozen=True)
class FeaturizeOptions:
    """`threads` decode side by side; `batch_size` images go through the network at once."""

    side_px: int
    resize: str
    batch_size: int
    threads: int


def featurize(
    images: DataFrame, make_predict_fn: Callable[[], PredictFn], options: FeaturizeOptions, done: Accumulator[int]
) -> DataFrame:
    """The outcome of each row of `images`, in their order within a file; `done` counts them as tasks end.

    `make_predict_fn` is called once by each task on its worker; its result takes uint8 (n, side, side, 3) and gives
    float32 (n, d).
    """
    images.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(ROWS_PER_ARROW_BATCH))

    def outcomes(batches: Iterable[pa.RecordBatch]) -> Batches:
        predict = make_predict_fn()
        with ThreadPoolExecutor(options.threads, thread_name_prefix="decode") as pool:
            for batch in batches:
                yield from batch_outcomes(batch, predict, options, pool)
                done.add(batch.num_rows)

    return images.mapInArrow(outcomes, outcome_schema(FEATURES))


def batch_outcomes(
    batch: pa.RecordBatch, predict: PredictFn, options: FeaturizeOptions, pool: ThreadPoolExecutor
) -> Batches:
    """A batch of vectors and a batch of rejects, each only if it has rows."""
    kept: list[int] = []
    failures: dict[int, DecodeFailure] = {}
    vectors: list[np.ndarray] = []
    decoded = _decoded(batch.column("content"), options, pool)
    for chunk in _chunks(_sound(decoded, kept, failures), options.batch_size):
        vectors.append(predict(np.stack(chunk)))
    if kept:
        yield _feature_batch(batch, kept, np.concatenate(vectors))
    if failures:
        yield _reject_batch(batch, failures)


def _decoded(
    content: pa.BinaryArray, options: FeaturizeOptions, pool: ThreadPoolExecutor
) -> Iterator[Pixels | DecodeFailure]:
    """Decoded in order, a batch ahead of the network and no further: pixels are 20 times their JPEG."""
    ahead = iter(
        [pool.submit(decode_image, value.as_py(), options.side_px, options.resize) for value in content[start:stop]]
        for start, stop in _ranges(len(content), options.batch_size)
    )
    current = next(ahead, [])
    while current:
        following = next(ahead, [])
        for future in current:
            yield future.result()
        current = following


def _sound(
    decoded: Iterator[Pixels | DecodeFailure], kept: list[int], failures: dict[int, DecodeFailure]
) -> Iterator[Pixels]:
    """The pixels alone; the number of each row goes to `kept` or `failures`."""
    for number, outcome in enumerate(decoded):
        if isinstance(outcome, DecodeFailure):
            failures[number] = outcome
        else:
            kept.append(number)
            yield outcome


def _feature_batch(batch: pa.RecordBatch, kept: Sequence[int], vectors: np.ndarray) -> pa.RecordBatch:
    rows, dimension = vectors.shape
    offsets = pa.array(np.arange(0, rows * dimension + 1, dimension, dtype=np.int32))
    # From numpy's memory as it is: a Python list of floats costs eight times the vector.
    lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1), pa.float32()))
    nothing = pa.nulls(rows, pa.string())
    return _outcome_batch(batch, kept, lists.cast(_OUTCOMES.field("features").type), nothing, nothing)


def _reject_batch(batch: pa.RecordBatch, failures: dict[int, DecodeFailure]) -> pa.RecordBatch:
    reasons = pa.array([failure.reason for failure in failures.values()], pa.string())
    details = pa.array([failure.detail for failure in failures.values()], pa.string())
    nothing = pa.nulls(len(failures), _OUTCOMES.field("features").type)
    return _outcome_batch(batch, list(failures), nothing, reasons, details)


def _outcome_batch(
    batch: pa.RecordBatch, rows: Sequence[int], features: pa.Array, reasons: pa.Array, details: pa.Array
) -> pa.RecordBatch:
    place = batch.select(_PLACE).take(pa.array(rows, pa.int64()))
    return pa.RecordBatch.from_arrays([*place.columns, features, reasons, details], schema=_OUTCOMES)


def _ranges(length: int, step: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + step, length)) for start in range(0, length, step))


def _chunks(items: Iterator[Pixels], size: int) -> Iterator[list[Pixels]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk
