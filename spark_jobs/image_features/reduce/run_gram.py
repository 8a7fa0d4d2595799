"""The Gram matrix of a run's features: the last snapshot's, brought up to date by what changed, or of a full pass.

An update is exact to rounding, and kept_gram.py knows how much that is. Where it would not be exact, or there is
nothing to update, all rows are read, and `why` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import DataFrame, SparkSession

from image_features.errors import MissingDatasetError, ObjectNotFoundError, SchemaMismatchError
from image_features.reduce.file_passes import gram_of_dataset
from image_features.reduce.gram import Gram
from image_features.reduce.kept_gram import GramUnreadableError, KeptGram, from_npz, of_full_pass, to_npz, updated
from image_features.reduce.row_changes import RowChanges, added_rows, removed_rows, row_changes
from image_features.reduce.spark_gram import gram_of_column
from image_features.schemas import FEATURES
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.storage.parquet_files import ROWS_PER_ARROW_BATCH
from image_features.storage.snapshots import Snapshot, name_of, other_vectors

GRAM_FILE = "gram.npz"
# Then all rows are read once again, so that rounding never adds up over years.
MOST_UPDATES = 50
# Of the snapshot's rows. Of more, reading what is gone costs what reading what is there does.
MOST_REMOVED = 0.25


@dataclass(frozen=True)
class RunGram:
    """The Gram of a run, how it was made and why so; rows `added` and `removed` since the last snapshot."""

    kept: KeptGram
    how: Literal["full", "updated"]
    why: str
    added: int
    removed: int


class NoUpdateError(Exception):
    """Why a Gram is not brought up to date but made anew; never leaves this module."""


def gram_of_run(
    spark: SparkSession,
    features: DataFrame,
    features_uri: str,
    identity: Mapping[str, Any] | None,
    baseline: Snapshot | str,
) -> RunGram:
    """`baseline` is the last snapshot, or why there is none. Raises NoVectorsError if there are no rows."""
    then = baseline if isinstance(baseline, str) else _features_of(spark, baseline)
    if isinstance(baseline, str) or isinstance(then, str):
        kept = _full_pass(spark, features_uri, identity)
        return RunGram(kept, "full", str(then), added=kept.gram.rows, removed=0)
    with row_changes(features, then) as changes:
        try:
            before = _kept_by(baseline, identity)
            kept = _brought_up_to_date(before, features, then, changes, features_uri)
            why = f"that of {name_of(baseline)}, {changes.added:,} rows added and {changes.removed:,} removed"
            return RunGram(kept, "updated", why, changes.added, changes.removed)
        except NoUpdateError as reason:
            kept = _full_pass(spark, features_uri, identity)
            return RunGram(kept, "full", str(reason), changes.added, changes.removed)


def write_gram(kept: KeptGram, gram_uri: str) -> None:
    objects.write_bytes(f"{gram_uri}/{GRAM_FILE}", to_npz(kept))


def _full_pass(spark: SparkSession, features_uri: str, identity: Mapping[str, Any] | None) -> KeptGram:
    return of_full_pass(gram_of_dataset(spark.sparkContext, features_uri, "features"), identity, features_uri)


def _features_of(spark: SparkSession, baseline: Snapshot) -> DataFrame | str:
    try:
        return read_dataset(spark, baseline["features_uri"], FEATURES)
    except (MissingDatasetError, SchemaMismatchError) as error:
        return f"the features of {name_of(baseline)} cannot be read: {error}"


def _kept_by(baseline: Snapshot, identity: Mapping[str, Any] | None) -> KeptGram:
    """The Gram of the baseline's features, if vectors of `identity` may be added to it."""
    name = name_of(baseline)
    reason = other_vectors(baseline, identity)
    if reason:
        raise NoUpdateError(reason)
    if not baseline.get("gram_uri"):
        raise NoUpdateError(f"{name} keeps no Gram matrix")
    uri = f"{baseline['gram_uri']}/{GRAM_FILE}"
    try:
        kept = from_npz(objects.read_bytes(uri), uri)
    except (ObjectNotFoundError, GramUnreadableError) as error:
        raise NoUpdateError(str(error)) from error
    if kept.identity != identity or kept.features_uri != baseline["features_uri"]:
        raise NoUpdateError(f"{uri} is of other vectors than those of {name}")
    if kept.updates >= MOST_UPDATES:
        raise NoUpdateError(f"the Gram matrix of {name} was updated {kept.updates} times since all rows were read")
    return kept


def _brought_up_to_date(
    kept: KeptGram, features: DataFrame, then: DataFrame, changes: RowChanges, features_uri: str
) -> KeptGram:
    if changes.removed > MOST_REMOVED * kept.gram.rows:
        raise NoUpdateError(f"{changes.removed:,} of {kept.gram.rows:,} rows are gone, more than {MOST_REMOVED:.0%}")
    if not changes.are_few:
        raise NoUpdateError(f"{changes.added:,} rows were added and {changes.removed:,} removed: too many to look for")
    added = _gram_of_few(added_rows(features, changes), changes.added)
    removed = _gram_of_few(removed_rows(then, changes), changes.removed)
    found = updated(kept, added, removed, features_uri)
    if found.gram.rows != features.count():
        raise NoUpdateError(f"the Gram matrix before was of {kept.gram.rows:,} rows, which does not add up")
    if not found.is_sound:
        raise NoUpdateError("the rows that were removed held nearly all of a column's variance: the rest is rounding")
    return found


def _gram_of_few(rows: DataFrame, count: int) -> Gram | None:
    """None if there are none. Few rows lie in many partitions, and a Gram of each would cost more than they do."""
    if not count:
        return None
    gathered = rows.repartition(-(-count // ROWS_PER_ARROW_BATCH))
    # In which order rows arrive from a shuffle is chance, and decides the last digits.
    return gram_of_column(gathered.sortWithinPartitions("image_id"), "features")
