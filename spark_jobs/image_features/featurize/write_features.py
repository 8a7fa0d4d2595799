"""The one join, on the workers: features = the run's images x the store's vectors, and no vector leaves its worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast, SparkContext
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingVectorsError
from image_features.featurize.content_index import NARROW_IMAGES
from image_features.featurize.worker import Counts
from image_features.schemas import FEATURES, VECTORS
from image_features.spark_tasks import one_task_each
from image_features.storage import objects
from image_features.storage.datasets import REJECT_FILES, write_rejects
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH, file_groups, read_part, write_part
from run_contract.stages import FEATURIZE

_FEATURES = to_arrow_schema(FEATURES)
_VECTORS = to_arrow_schema(VECTORS)
_IN_ORDER = [("label", "ascending"), ("uri", "ascending")]

Groups = Sequence[tuple[int, list[str]]]
"""The store's files in numbered groups, a task each."""


@dataclass(frozen=True)
class Coverage:
    """Numbers of the run's images, of their different contents, and of those that have a reason and no vector."""

    images: int = 0
    contents: int = 0
    rejected_contents: int = 0
    rejects: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.images + other.images,
            self.contents + other.contents,
            self.rejected_contents + other.rejected_contents,
            self.rejects + other.rejects,
        )

    @property
    def features(self) -> int:
        """The number of images that have a row of `features`."""
        return self.images - self.rejects.total()

    def vectors(self, new: Counts, planned: int) -> dict[str, int]:
        """Count each image once: its vector was computed now or before, or is another image's, or there is none."""
        rejected_before = self.rejected_contents - new.rejected
        return {
            "computed": new.computed,
            "reused": self.contents - planned - rejected_before,
            "same_bytes": self.images - self.contents,
            "rejected_before": rejected_before,
        }


def write_features(
    context: SparkContext, chunks: Iterable[pa.Table], vectors_uri: str, features_uri: str, rejects_uri: str
) -> Coverage:
    """Write `features` and the stage's rejects: each image of `chunks` becomes a row of one of them.

    A chunk goes to every worker, which reads its groups of the store's files and writes a file of features for each. A
    vector that stands twice in the store, as after a repeated task, is taken from the first group that has it.

    Raises MissingVectorsError if an image's content is not in the store.
    """
    groups = list(enumerate(file_groups(vectors_uri, tasks=context.defaultParallelism)))
    objects.delete_prefix(features_uri)
    covered = Coverage()
    for images in chunks:
        everywhere = context.broadcast(images)
        owners = _first_groups(context, everywhere, groups, images.num_rows)
        missing = np.count_nonzero(owners < 0)
        if missing:
            raise MissingVectorsError(vectors_uri, int(missing), "there is no vector")
        covered += _write_chunk(context, everywhere, owners, groups, features_uri, rejects_uri)
        everywhere.destroy()
    if not covered.features:
        # A dataset without a row is a dataset nevertheless.
        write_part(features_uri, [], _FEATURES, [])
    return covered


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
    features_uri: str,
    rejects_uri: str,
) -> Coverage:
    owner_of = context.broadcast(owners)

    def write(group: tuple[int, list[str]]) -> Coverage:
        number, uris = group
        mine = images.value.filter(pa.array(owner_of.value == number))
        if not mine.num_rows:
            return Coverage()
        vectors = _read(uris, _VECTORS.names)
        places = pc.index_in(mine["content_sha256"], vectors["content_sha256"].combine_chunks())
        table = mine.append_column("place", places).sort_by(_IN_ORDER)
        without = pc.is_valid(vectors["reason"].take(table["place"]))
        features = _with(table.filter(pc.invert(without)), vectors, _FEATURES)
        rejected = table.filter(without)
        rejects = _with(rejected, vectors, REJECT_FILES)
        if features.num_rows:
            write_part(features_uri, features.to_batches(), _FEATURES, features["image_id"].to_pylist())
        return Coverage(
            mine.num_rows,
            pc.count_distinct(mine["content_sha256"]).as_py(),
            pc.count_distinct(rejected["content_sha256"]).as_py(),
            write_rejects(rejects, rejects_uri, FEATURIZE, rejects["image_id"].to_pylist()),
        )

    written = one_task_each(context, groups, write).collect()
    owner_of.destroy()
    return sum(written, Coverage())


def _read(uris: Sequence[str], columns: list[str]) -> pa.Table:
    batches = [batch for uri in uris for batch in read_part(uri, columns, ROWS_PER_ARROW_BATCH)]
    return pa.Table.from_batches(batches, pa.schema([_VECTORS.field(name) for name in columns]))


def _with(table: pa.Table, vectors: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the schema's columns, each of the images or of the vector at its `place`."""
    columns = [
        table[name] if name in NARROW_IMAGES.names else vectors[name].take(table["place"]) for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema.names).cast(schema).combine_chunks()
