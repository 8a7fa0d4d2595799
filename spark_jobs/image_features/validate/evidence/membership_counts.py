"""The pass over the ids of all four datasets that finds what is lost, doubled or unknown, and counts the labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import SparkContext

from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import file_groups, read_table
from image_features.validate.evidence.evidence import Membership
from run_contract.rejects import NOT_COUNTED

NAMED_LABELS = 5
# Labels of the chart of images by label; an even number.
BALANCED_LABELS = 40
# Of all datasets together, in the memory of one worker: about 200 MB.
ROWS_PER_BUCKET = 1_000_000

_ID, _CLASS = ("image_id", pa.string()), [("label", pa.string()), ("split", pa.string())]
# What is read of each dataset.
COLUMNS = {
    "manifest": pa.schema([_ID, *_CLASS]),
    "features": pa.schema([_ID, *_CLASS]),
    "rejects": pa.schema([_ID, ("reason", pa.string())]),
    "pca_features": pa.schema([_ID]),
}
COUNTED = (
    *("manifest", "features", "rejects", "ignored", "missing"),
    *("doubled", "unknown", "repeated", "unreduced", "relabeled"),
)

Ids = Mapping[str, pa.Table]


def count_membership(context: SparkContext, uris: Mapping[str, str], rows: int) -> Membership:
    """Count what became of every image id of the datasets at these `uris`, which have about so many `rows` together.

    Ids go to the worker that counts all of the same hash; labels with their sums come to the driver.
    """
    buckets = max(context.defaultParallelism, rows // ROWS_PER_BUCKET)
    groups = [(name, files) for name, uri in uris.items() for files in file_groups(uri, context.defaultParallelism)]
    divided = one_task_each(context, groups, partial(_divided, buckets=buckets)).flatMap(lambda parts: parts)
    in_buckets = divided.groupByKey(buckets, lambda bucket: bucket)
    return membership_of(in_buckets.map(lambda bucket: classes_of(_joined(bucket[1]))).collect())


def _divided(group: tuple[str, Sequence[str]], buckets: int) -> Iterator[tuple[int, tuple[str, pa.Table]]]:
    name, uris = group
    table = read_table(uris, COLUMNS[name])
    numbers = pa.array([crc32(image_id.encode()) % buckets for image_id in table["image_id"].to_pylist()], pa.int64())
    return ((bucket, (name, table.filter(pc.equal(numbers, bucket)))) for bucket in range(buckets))


def _joined(parts: Iterable[tuple[str, pa.Table]]) -> Ids:
    tables = {name: [schema.empty_table()] for name, schema in COLUMNS.items()}
    for name, table in parts:
        tables[name].append(table)
    return {name: pa.concat_tables(of_name) for name, of_name in tables.items()}


def classes_of(ids: Ids) -> pa.Table:
    """Return, for each label and split, by how much each of the totals counts the ids; pure.

    All rows of one image id must be among these, which are the columns COLUMNS of the four datasets.
    """
    rejects = ids["rejects"]
    ignored = pc.is_in(rejects["reason"], pa.array(NOT_COUNTED))
    sources = {**ids, "ignored": rejects.filter(ignored)}
    joined = sources["manifest"].select(["image_id"]).slice(0, 0)
    for name, table in sources.items():
        facts = [(column, "max") for column in ("label", "split") if column in table.schema.names]
        counted = table.group_by("image_id", use_threads=False).aggregate([("image_id", "count"), *facts])
        named = [f"{name}_{column}" for column in ("number", *(column for column, _ in facts))]
        joined = joined.join(
            counted.rename_columns(["image_id", *named]), "image_id", join_type="full outer", use_threads=False
        )
    judged = {name: pa.array(found.astype(np.int64)) for name, found in _judged(joined).items()}
    label, split = (
        pc.coalesce(joined[f"manifest_{column}"], joined[f"features_{column}"]) for column in ("label", "split")
    )
    return _summed(pa.table({"label": label, "split": split, **judged}), ["label", "split"])


def _judged(joined: pa.Table) -> dict[str, NDArray[np.generic]]:
    def number(name: str) -> NDArray[np.int64]:
        found: NDArray[np.int64] = joined[f"{name}_number"].fill_null(0).to_numpy()
        return found

    def is_same(column: str) -> NDArray[np.bool_]:
        listed, stored = joined[f"manifest_{column}"], joined[f"features_{column}"]
        both_null = pc.and_(listed.is_null(), stored.is_null())
        found: NDArray[np.bool_] = pc.or_(pc.equal(listed, stored).fill_null(False), both_null).to_numpy()
        return found

    manifest, features, rejects, pca = (number(name) for name in COLUMNS)
    outcomes = features + rejects
    return {
        "manifest": manifest,
        "features": features > 0,
        "rejects": rejects > 0,
        "ignored": number("ignored") > 0,
        "missing": (manifest > 0) & (outcomes == 0),
        "doubled": outcomes > 1,
        "unknown": (manifest == 0) & (outcomes > 0),
        "repeated": manifest > 1,
        "unreduced": ((features > 0) | (pca > 0)) & ((features != 1) | (pca != 1)),
        "relabeled": (manifest > 0) & (features > 0) & ~(is_same("label") & is_same("split")),
    }


def membership_of(classes: Sequence[pa.Table]) -> Membership:
    """Return what became of all images, from the classes of all ids; pure."""
    by_class = _summed(pa.concat_tables(classes), ["label", "split"]).sort_by(
        [("label", "ascending"), ("split", "ascending")]
    )
    by_label = _summed(by_class, ["label"], [("split", "list"), ("features", "list")])
    counts = {name: by_label[name].to_numpy() for name in ("manifest", "features", "rejects")}
    is_label, has_features = by_label["label"].is_valid().to_numpy(), counts["features"] > 0
    judged = {
        "labels": is_label & has_features,
        "lost": is_label & ~has_features & (counts["manifest"] > counts["rejects"]),
        "new": is_label & has_features & (counts["manifest"] == 0),
        "balanced": has_features,
    }
    totals = {name: pc.sum(by_label[name]).as_py() or 0 for name in COUNTED}
    totals |= {name: int(np.count_nonzero(holds)) for name, holds in judged.items()}
    firsts = {name: by_label["label"].filter(pa.array(judged[name])).sort()[:NAMED_LABELS] for name in ("lost", "new")}
    named = {name: labels.to_pylist() for name, labels in firsts.items() if len(labels)}
    return Membership(totals, named, _balance(by_label.filter(pa.array(has_features))))


def _balance(by_label: pa.Table) -> list[tuple[str, dict[str | None, int]]]:
    columns = ["label", "features", "split_list", "features_list"]
    named = by_label.select(columns).set_column(0, "label", by_label["label"].fill_null("no label"))
    ranked = named.sort_by([("features", "descending"), ("label", "ascending")])
    if ranked.num_rows > BALANCED_LABELS:
        half = BALANCED_LABELS // 2
        ranked = pa.concat_tables([ranked.slice(0, half), ranked.slice(ranked.num_rows - half)])
    labels, splits, counts = (ranked[name].to_pylist() for name in ("label", "split_list", "features_list"))
    of_labels = [dict(zip(*pair, strict=True)) for pair in zip(splits, counts, strict=True)]
    return [
        (label, {split: count for split, count in of_label.items() if count})
        for label, of_label in zip(labels, of_labels, strict=True)
    ]


def _summed(table: pa.Table, keys: list[str], more: Sequence[tuple[str, str]] = ()) -> pa.Table:
    found = table.group_by(keys, use_threads=False).aggregate([*((name, "sum") for name in COUNTED), *more])
    return found.rename_columns([name.removesuffix("_sum") for name in found.schema.names])
