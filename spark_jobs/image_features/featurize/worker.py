"""Workers take files of images through the network, and write the vectors to the feature store as they go."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark import SparkContext, TaskContext
from pyspark.accumulators import Accumulator
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.featurize.batches import Computed, Content, FeaturizeOptions, PredictFn, compute
from image_features.featurize.decode_process import decode_apart
from image_features.schemas import VECTORS
from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import read_part, write_part
from image_features.storage.vector_columns import to_list_column

# A worker that is killed loses at most what it computed in this time, and its last batch.
FLUSH_EVERY_S = 60.0
ROWS_PER_READ = 64

_VECTORS = to_arrow_schema(VECTORS)


@dataclass(frozen=True)
class Work:
    """Rows of one file of images: those from `start` to `stop`, or only those of them in `rows`, ascending."""

    uri: str
    start: int
    stop: int
    rows: array[int] | None = None

    def __len__(self) -> int:
        return self.stop - self.start if self.rows is None else len(self.rows)


@dataclass(frozen=True)
class Counts:
    """Numbers of contents that were new to the store: `computed` have a vector now, `rejected` a reason."""

    computed: int
    rejected: int


def featurize(
    context: SparkContext,
    works: Sequence[Work],
    make_predict_fn: Callable[[], PredictFn],
    options: FeaturizeOptions,
    vectors_uri: str,
    done: Accumulator[int],
) -> Counts:
    """Compute all `works` into `vectors_uri`, one task each; `done` counts contents as tasks end.

    Each task calls `make_predict_fn` once on its worker. Nothing but counts comes back. A task that failed may have met
    a photograph that kills its worker, so its next attempt decodes each photograph apart, one at a time.
    """
    if not works:
        return Counts(0, 0)

    apart = replace(options, decode=partial(decode_apart, options.decode), threads=1)

    def featurize_one(work: Work) -> Counts:
        is_repeated = TaskContext.get().attemptNumber() > 0  # type: ignore[union-attr]
        counts = featurize_work(work, make_predict_fn(), apart if is_repeated else options, vectors_uri)
        done.add(len(work))
        return counts

    counts = one_task_each(context, works, featurize_one).collect()
    return Counts(sum(count.computed for count in counts), sum(count.rejected for count in counts))


def featurize_work(work: Work, predict: PredictFn, options: FeaturizeOptions, vectors_uri: str) -> Counts:
    """Compute one `work`, and write what there is of it every FLUSH_EVERY_S seconds and at the end."""
    counts, pending, flushed_at = Counts(0, 0), Computed(), time.monotonic()
    with ThreadPoolExecutor(options.threads, thread_name_prefix="decode") as pool:
        for computed in compute(_contents(work), predict, options, pool):
            pending.keys += computed.keys
            pending.vectors += computed.vectors
            pending.rejects |= computed.rejects
            if time.monotonic() - flushed_at >= FLUSH_EVERY_S:
                counts, pending = _flushed(counts, pending, vectors_uri), Computed()
                flushed_at = time.monotonic()
    return _flushed(counts, pending, vectors_uri)


def _contents(work: Work) -> Iterator[Content]:
    position = 0
    wanted = None if work.rows is None else np.asarray(work.rows)
    for batch in read_part(work.uri, ["content_sha256", "content"], ROWS_PER_READ):
        numbers = np.arange(position, position + batch.num_rows)
        position += batch.num_rows
        chosen = (numbers >= work.start) & (numbers < work.stop)
        if wanted is not None:
            chosen &= np.isin(numbers, wanted)
        keys, contents = batch.column("content_sha256"), batch.column("content")
        for row in np.flatnonzero(chosen):
            yield keys[row].as_py(), contents[row].as_py()


def _flushed(counts: Counts, pending: Computed, vectors_uri: str) -> Counts:
    if not pending.rows:
        return counts
    keys = [*pending.keys, *pending.rejects]
    write_part(vectors_uri, _batches(pending), _VECTORS, keys)
    return Counts(counts.computed + len(pending.keys), counts.rejected + len(pending.rejects))


def _batches(pending: Computed) -> Iterable[pa.RecordBatch]:
    text, features = pa.string(), _VECTORS.field("features").type
    if pending.keys:
        nothing = pa.nulls(len(pending.keys), text)
        lists = to_list_column(np.concatenate(pending.vectors)).cast(features)
        yield pa.RecordBatch.from_arrays([pa.array(pending.keys, text), lists, nothing, nothing], schema=_VECTORS)
    if pending.rejects:
        reasons = pa.array([reject.reason for reject in pending.rejects.values()], text)
        details = pa.array([reject.detail for reject in pending.rejects.values()], text)
        nothing = pa.nulls(len(pending.rejects), features)
        keys = pa.array(list(pending.rejects), text)
        yield pa.RecordBatch.from_arrays([keys, nothing, reasons, details], schema=_VECTORS)
