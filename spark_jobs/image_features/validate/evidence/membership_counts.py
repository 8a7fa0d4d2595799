"""The pass over the ids of all four datasets that finds what is lost, doubled or unknown, by label and split."""

from __future__ import annotations

from dataclasses import fields

from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import coalesce, col, lit
from pyspark.sql.functions import max as max_of
from pyspark.sql.functions import sum as sum_of

from image_features.validate.evidence.evidence import ClassCounts, Membership
from run_contract.rejects import REASONS

_NOT_COUNTED = [reason.name for reason in REASONS if not reason.counts]
_SOURCES = ("manifest", "features", "rejects", "ignored", "pca")


def count_membership(
    manifest: DataFrame, features: DataFrame, rejects: DataFrame, pca_features: DataFrame
) -> Membership:
    """Count what became of every image id, by label and split."""
    is_ignored = col("reason").isin(_NOT_COUNTED).cast("int")
    ids = (
        _tagged(manifest, "manifest")
        .unionByName(_tagged(features, "features"))
        .unionByName(_tagged(rejects.withColumns({"label": _null(), "split": _null()}), "rejects", is_ignored))
        .unionByName(_tagged(pca_features, "pca"))
    )
    by_class = _by_id(ids).groupBy("label", "split").agg(*[sum_of(name).alias(name) for name in _COUNTED])
    return Membership([ClassCounts(**row.asDict()) for row in by_class.orderBy("label", "split").collect()])


_COUNTED = tuple(field.name for field in fields(ClassCounts) if field.name not in ("label", "split"))


def _tagged(frame: DataFrame, source: str, ignored: Column | None = None) -> DataFrame:
    """Return image_id, a 1 in the source's own column, and label and split as this source has them."""
    tags = {name: lit(int(name == source)) for name in _SOURCES}
    if ignored is not None:
        tags["ignored"] = ignored
    of_manifest = source == "manifest"
    named = {
        "known_label": col("label") if of_manifest else _null(),
        "known_split": col("split") if of_manifest else _null(),
        "found_label": col("label") if source == "features" else _null(),
        "found_split": col("split") if source == "features" else _null(),
    }
    return frame.select("image_id", *[value.alias(name) for name, value in (tags | named).items()])


def _by_id(ids: DataFrame) -> DataFrame:
    names = ("known_label", "known_split", "found_label", "found_split")
    sums = [sum_of(name).alias(name) for name in _SOURCES]
    per_id = ids.groupBy("image_id").agg(*sums, *[max_of(name).alias(name) for name in names])
    outcomes = col("features") + col("rejects")
    in_manifest, in_features = col("manifest") > 0, col("features") > 0
    same_class = col("known_label").eqNullSafe(col("found_label")) & col("known_split").eqNullSafe(col("found_split"))
    judged = {
        "manifest": col("manifest"),
        "features": in_features,
        "rejects": col("rejects") > 0,
        "ignored": col("ignored") > 0,
        "missing": in_manifest & (outcomes == 0),
        "doubled": outcomes > 1,
        "unknown": ~in_manifest & (outcomes > 0),
        "repeated": col("manifest") > 1,
        "unreduced": (in_features | (col("pca") > 0)) & ((col("features") != 1) | (col("pca") != 1)),
        "relabeled": in_manifest & in_features & ~same_class,
    }
    return per_id.select(
        coalesce("known_label", "found_label").alias("label"),
        coalesce("known_split", "found_split").alias("split"),
        *[value.cast("long").alias(name) for name, value in judged.items()],
    )


def _null() -> Column:
    return lit(None).cast("string")
