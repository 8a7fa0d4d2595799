"""Workers take files of images through the network, and write the vectors to the feature store as they go."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import SparkContext, TaskContext
from pyspark.accumulators import Accumulator
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.featurize.batches import Content, FeaturizeOptions, Outcome, PredictFn, compute
from image_features.featurize.decode_process import decode_apart
from image_features.rejects import Reject
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
    """The rows of one file of images that are computed, ascending."""

    uri: str
    rows: npt.NDArray[np.int32]


def featurize(
    context: SparkContext,
    works: Sequence[Work],
    make_predict_fn: Callable[[], PredictFn],
    options: FeaturizeOptions,
    vectors_uri: str,
    done: Accumulator[int],
) -> Counter[str]:
    """Compute all `works` into `vectors_uri`, one task each; `done` counts contents as tasks end.

    Returns how many contents were `computed` and `rejected`. Each task calls `make_predict_fn` once on its worker. A
    task that failed may have met a photograph that kills its worker, so its next attempt decodes each photograph apart,
    one at a time.
    """
    apart = replace(options, decode=partial(decode_apart, options.decode), threads=1)

    def featurize_one(work: Work) -> Counter[str]:
        is_repeated = TaskContext.get().attemptNumber() > 0  # type: ignore[union-attr]
        counts = featurize_work(work, make_predict_fn(), apart if is_repeated else options, vectors_uri)
        done.add(len(work.rows))
        return counts

    return sum(one_task_each(context, works, featurize_one).collect(), Counter())


def featurize_work(work: Work, predict: PredictFn, options: FeaturizeOptions, vectors_uri: str) -> Counter[str]:
    """Compute one `work`, and write what there is of it every FLUSH_EVERY_S seconds and at the end."""
    counts, pending, flushed_at = Counter[str](), list[Outcome](), time.monotonic()
    for outcome in compute(_contents(work), predict, options):
        pending.append(outcome)
        if time.monotonic() - flushed_at >= FLUSH_EVERY_S:
            counts += _flush(pending, vectors_uri)
            pending, flushed_at = [], time.monotonic()
    return counts + _flush(pending, vectors_uri)


def _contents(work: Work) -> Iterator[Content]:
    start = 0
    for batch in read_part(work.uri, ["content_sha256", "content"], ROWS_PER_READ):
        here = work.rows[(work.rows >= start) & (work.rows < start + batch.num_rows)] - start
        start += batch.num_rows
        keys, contents = batch.column("content_sha256"), batch.column("content")
        for row in here:
            yield keys[row].as_py(), contents[row].as_py()


def _flush(outcomes: list[Outcome], vectors_uri: str) -> Counter[str]:
    kept = {key: outcome for key, outcome in outcomes if not isinstance(outcome, Reject)}
    rejects = [{"content_sha256": key, **vars(outcome)} for key, outcome in outcomes if isinstance(outcome, Reject)]
    table = pa.Table.from_pylist(rejects, _VECTORS)
    if kept:
        looks = pa.Table.from_pylist([vars(outcome.look) for outcome in kept.values()])
        # As one matrix: entry by entry, Arrow would take a sixtieth of the time that the network takes.
        features = to_list_column(np.stack([outcome.vector for outcome in kept.values()]))
        computed = looks.append_column("content_sha256", pa.array(list(kept)))
        computed = computed.append_column("features", features.cast(_VECTORS.field("features").type))
        table = pa.concat_tables([computed, table], promote_options="permissive").select(_VECTORS.names).cast(_VECTORS)
    if outcomes:
        write_part(vectors_uri, table.to_batches(), _VECTORS, [key for key, _ in outcomes])
    return Counter(computed=len(kept), rejected=len(rejects))
