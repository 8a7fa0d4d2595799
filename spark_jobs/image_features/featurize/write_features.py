"""The one join, on the workers: features = the run's images x the store's vectors, and no vector leaves its worker."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast, SparkContext
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingVectorsError
from image_features.featurize.arguments import FeaturizeArguments
from image_features.featurize.content_index import NARROW_IMAGES
from image_features.schemas import FEATURES, LOOKS, VECTORS
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.datasets import REJECT_FILES, start_rejects, write_rejects
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part, write_part
from run_contract.stages import FEATURIZE

_FEATURES = to_arrow_schema(FEATURES)
_LOOKS = to_arrow_schema(LOOKS)
_VECTORS = to_arrow_schema(VECTORS)
_IN_ORDER = [("label", "ascending"), ("uri", "ascending")]

Groups = Sequence[tuple[int, list[str]]]
"""The store's files in numbered groups, a task each."""


def write_features(
    context: SparkContext, chunks: Iterable[pa.Table], vectors_uri: str, arguments: FeaturizeArguments
) -> Counter[str]:
    """Write `features`, `looks` and the stage's rejects: each image of `chunks` is in the first two, or in the last.

    Returns how many `images` and `features` there are, how many rejects of each reason, and how many different
    `contents` and `rejected_contents`.

    A chunk goes to every worker, which reads its groups of the store's files and writes a file of features for each. A
    vector that stands twice in the store, as after a repeated task, is taken from the first group that has it.

    Raises MissingVectorsError if an image's content is not in the store.
    """
    groups = list(enumerate(file_groups(vectors_uri, tasks=context.defaultParallelism)))
    objects.delete_prefix(arguments.features_uri)
    objects.delete_prefix(arguments.looks_uri)
    start_rejects(arguments.rejects_uri, FEATURIZE)
    covered = Counter[str]()
    for images in chunks:
        everywhere = context.broadcast(images)
        owners = _first_groups(context, everywhere, groups, images.num_rows)
        missing = np.count_nonzero(owners < 0)
        if missing:
            raise MissingVectorsError(vectors_uri, int(missing), "there is no vector")
        covered += _write_chunk(context, everywhere, owners, groups, arguments)
        everywhere.destroy()
    if not covered["features"]:
        # A dataset without a row is a dataset nevertheless.
        write_part(arguments.features_uri, [], _FEATURES, [])
        write_part(arguments.looks_uri, [], _LOOKS, [])
    return covered


def vector_counts(covered: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    """Count each image once: its vector was computed now or before, or is another image's, or there is none.

    `covered` are the counts of `write_features`, `new` those of `featurize`.

    >>> vector_counts(Counter(images=9, contents=7, rejected_contents=2), Counter(computed=3, rejected=1))
    {'computed': 3, 'reused': 2, 'same_bytes': 2, 'rejected_before': 1}
    """
    rejected_before = covered["rejected_contents"] - new["rejected"]
    return {
        "computed": new["computed"],
        "reused": covered["contents"] - new["computed"] - covered["rejected_contents"],
        "same_bytes": covered["images"] - covered["contents"],
        "rejected_before": rejected_before,
    }


def _first_groups(
    context: SparkContext, images: Broadcast[pa.Table], groups: Groups, count: int
) -> npt.NDArray[np.int32]:
    """Return the number of the first group that has each image's content, -1 where none has it."""

    def find(group: tuple[int, list[str]]) -> npt.NDArray[np.int32]:
        keys = _read(group[1], ["content_sha256"])["content_sha256"]
        return np.flatnonzero(pc.is_in(images.value["content_sha256"], keys.combine_chunks())).astype(np.int32)

    owners = np.full(count, -1, np.int32)
    found = one_task_each(context, groups, find).collect()
    for (number, _), rows in reversed(list(zip(groups, found, strict=True))):
        owners[rows] = number
    return owners


def _write_chunk(
    context: SparkContext,
    images: Broadcast[pa.Table],
    owners: npt.NDArray[np.int32],
    groups: Groups,
    arguments: FeaturizeArguments,
) -> Counter[str]:
    owner_of = context.broadcast(owners)

    def write(group: tuple[int, list[str]]) -> Counter[str]:
        number, uris = group
        mine = images.value.filter(pa.array(owner_of.value == number))
        if not mine.num_rows:
            return Counter()
        vectors = _read(uris, _VECTORS.names)
        places = pc.index_in(mine["content_sha256"], vectors["content_sha256"].combine_chunks())
        table = mine.append_column("place", places).sort_by(_IN_ORDER)
        without = pc.is_valid(vectors["reason"].take(table["place"]))
        features = _with(table.filter(pc.invert(without)), vectors, _FEATURES)
        rejected = table.filter(without)
        rejects = _with(rejected, vectors, REJECT_FILES)
        if features.num_rows:
            ids = features["image_id"].to_pylist()
            write_part(arguments.features_uri, features.to_batches(), _FEATURES, ids)
            looks = _with(table.filter(pc.invert(without)), vectors, _LOOKS)
            write_part(arguments.looks_uri, looks.to_batches(), _LOOKS, ids)
        counts = write_rejects(rejects, arguments.rejects_uri, FEATURIZE, rejects["image_id"].to_pylist())
        return counts + Counter(
            images=mine.num_rows,
            features=features.num_rows,
            contents=pc.count_distinct(mine["content_sha256"]).as_py(),
            rejected_contents=pc.count_distinct(rejected["content_sha256"]).as_py(),
        )

    written = one_task_each(context, groups, write).collect()
    owner_of.destroy()
    return sum(written, Counter())


def _read(uris: Sequence[str], columns: list[str]) -> pa.Table:
    batches = [batch for uri in uris for batch in read_part(uri, columns, ROWS_PER_ARROW_BATCH)]
    return pa.Table.from_batches(batches, pa.schema([_VECTORS.field(name) for name in columns]))


def _with(table: pa.Table, vectors: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the schema's columns, each of the images or of the vector at its `place`."""
    columns = [
        table[name] if name in NARROW_IMAGES.names else vectors[name].take(table["place"]) for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema.names).cast(schema).combine_chunks()
