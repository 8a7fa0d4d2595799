"""What became of every image id, and the rejects by reason, against rows whose numbers are known."""

from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from image_features.storage.datasets import REJECT_FILES, start_rejects, write_rejects
from image_features.storage.parquet_files import write_part
from image_features.validate.evidence.evidence import Membership
from image_features.validate.evidence.membership_counts import COLUMNS, classes_of, count_membership, membership_of
from image_features.validate.evidence.reject_groups import group_rejects

Row = tuple[str | None, ...]

LISTED: list[Row] = [
    ("good", "Apple", "Test"),
    ("rejected", "Apple", "Test"),
    ("ignored", None, None),
    ("missing", "Pear", None),
    ("doubled", "Pear", None),
    ("twice", "Kiwi", None),
    ("repeated", "Plum", None),
    ("repeated", "Plum", None),
    ("relabeled", "Fig", "Test"),
    ("moved", "Fig", "Test"),
]
FEATURIZED: list[Row] = [
    ("good", "Apple", "Test"),
    ("doubled", "Pear", None),
    ("twice", "Kiwi", None),
    ("twice", "Kiwi", None),
    ("repeated", "Plum", None),
    ("unknown", "Lime", None),
    ("relabeled", "Date", "Test"),
    ("moved", "Fig", "Training"),
]
REJECTED: list[Row] = [("rejected", "decode_failed"), ("ignored", "ignored_object"), ("doubled", "decode_failed")]
REDUCED: list[Row] = [(name,) for name in ("good", "doubled", "unknown", "relabeled", "moved", "stray")]


def ids_of(*datasets: list[Row]) -> dict[str, pa.Table]:
    """The four datasets, in the order of COLUMNS."""
    return {
        name: pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema.names)
        if rows
        else schema.empty_table()
        for (name, schema), rows in zip(COLUMNS.items(), datasets, strict=True)
    }


def counted(*datasets: list[Row]) -> Membership:
    return membership_of([classes_of(ids_of(*datasets))])


def check_every_id_is_counted(found: Membership) -> None:
    expected = {"manifest": 10, "features": 7, "rejects": 3, "ignored": 1, "missing": 1, "doubled": 2, "unknown": 1}
    # Not reduced once: `twice` and `repeated`, and the stray row of pca_features, which no other dataset knows.
    expected |= {"repeated": 1, "unreduced": 3, "relabeled": 2, "labels": 6, "lost": 0, "new": 1, "balanced": 6}
    assert found.totals == expected
    assert found.named == {"new": ["Lime"]}
    ones = [(label, {None: 1}) for label in ("Kiwi", "Lime", "Pear", "Plum")]
    assert found.balance == [("Fig", {"Test": 2}), ("Apple", {"Test": 1}), *ones]


def test_every_id_is_counted_for_what_happened_to_it() -> None:
    check_every_id_is_counted(counted(LISTED, FEATURIZED, REJECTED, REDUCED))


@pytest.mark.slow
def test_ids_of_many_files_and_buckets_are_counted_alike(spark: SparkSession, prefix_uri: str) -> None:
    uris = {name: f"{prefix_uri}/{name}" for name in COLUMNS}
    for name, table in ids_of(LISTED, FEATURIZED, REJECTED, REDUCED).items():
        for number in range(0, table.num_rows, 3):
            part = table.slice(number, 3)
            write_part(uris[name], part.to_batches(), COLUMNS[name], [str(number)])
    check_every_id_is_counted(count_membership(spark.sparkContext, uris, 20_000_000))


def test_a_label_is_lost_if_not_all_of_its_images_were_rejected() -> None:
    listed: list[Row] = [("1", "Pear", None), ("2", "Pear", None), ("3", "Kiwi", None), ("4", None, None)]
    found = counted(listed, [], [("1", "decode_failed"), ("2", "decode_failed")], [])
    assert (found.totals["lost"], found.named, found.balance) == (1, {"lost": ["Kiwi"]}, [])


def test_of_many_labels_the_largest_and_the_smallest_are_shown() -> None:
    rows: list[Row] = [
        (f"{label}-{number}", f"L{label:03d}", None) for label in range(100) for number in range(1 + label // 2)
    ]
    found = counted([("x", "Old", None)], rows, [], [(row[0],) for row in rows])
    assert (found.totals["labels"], found.totals["new"], found.totals["unknown"]) == (100, 100, len(rows))
    assert found.named == {"lost": ["Old"], "new": [f"L{label:03d}" for label in range(5)]}
    assert [label for label, _ in found.balance[:3]] == ["L098", "L099", "L096"]
    assert [label for label, _ in found.balance[-3:]] == ["L003", "L000", "L001"]
    assert len(found.balance) == 40


def test_rejects_are_grouped_with_the_first_examples_by_uri(spark: SparkSession, prefix_uri: str) -> None:
    def write(stage: str, reason: str, *rows: tuple[str, str | None]) -> None:
        start_rejects(prefix_uri, stage)
        for uri, detail in rows:
            row: dict[str, Any] = {"image_id": uri, "uri": uri, "reason": reason, "detail": detail}
            write_rejects(pa.Table.from_pylist([row], REJECT_FILES), prefix_uri, stage, [uri])

    write("featurize_images", "decode_failed", *[(f"s3://b/{place}", f"why {place}") for place in reversed(range(8))])
    write("ingest_images", "ignored_object", ("s3://b/x", None))
    groups = group_rejects(spark.sparkContext, prefix_uri)
    assert [(group.stage, group.reason, group.count) for group in groups] == [
        ("featurize_images", "decode_failed", 8),
        ("ingest_images", "ignored_object", 1),
    ]
    assert list(groups[0].examples) == [(f"s3://b/{place}", f"why {place}") for place in range(5)]
    assert list(groups[1].examples) == [("s3://b/x", None)]
