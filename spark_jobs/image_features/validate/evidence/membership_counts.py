"""The pass over the ids of all four datasets that finds what is lost, doubled or unknown, by label and split."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql.functions import coalesce, col, count_if, lit, when
from pyspark.sql.functions import max as max_of
from pyspark.sql.functions import sum as sum_of

from image_features.validate.evidence.evidence import ClassCounts, Membership
from run_contract.rejects import REASONS

_NOT_COUNTED = [reason.name for reason in REASONS if not reason.counts]


def count_membership(
    manifest: DataFrame, features: DataFrame, rejects: DataFrame, pca_features: DataFrame
) -> Membership:
    """Count what became of every image id, by label and split."""
    ids = manifest.select(lit("manifest").alias("source"), "image_id", "label", "split")
    ids = ids.unionByName(features.select(lit("features").alias("source"), "image_id", "label", "split"))
    ids = ids.unionByName(rejects.select(lit("rejects").alias("source"), "image_id", "reason"), True)
    ids = ids.unionByName(pca_features.select(lit("pca").alias("source"), "image_id"), True)
    outcomes = _outcomes(ids)
    counted = [name for name in outcomes.columns if name not in ("label", "split")]
    by_class = outcomes.groupBy("label", "split").agg(*[sum_of(name).alias(name) for name in counted])
    return Membership([ClassCounts(**row.asDict()) for row in by_class.orderBy("label", "split").collect()])


def _outcomes(ids: DataFrame) -> DataFrame:
    """Return, for every image id, its class and by how much each field of ClassCounts counts it."""
    of = {name: col("source") == name for name in ("manifest", "features", "rejects", "pca")}
    per_id = ids.groupBy("image_id").agg(
        *[count_if(is_of).alias(name) for name, is_of in of.items()],
        count_if(col("reason").isin(_NOT_COUNTED)).alias("ignored"),
        *[
            max_of(when(of[source], col(name))).alias(f"{source}_{name}")
            for source in ("manifest", "features")
            for name in ("label", "split")
        ],
    )
    outcomes = col("features") + col("rejects")
    in_manifest, in_features = col("manifest") > 0, col("features") > 0
    same_label, same_split = (
        col(f"manifest_{name}").eqNullSafe(col(f"features_{name}")) for name in ("label", "split")
    )
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
        "relabeled": in_manifest & in_features & ~(same_label & same_split),
    }
    return per_id.select(
        coalesce("manifest_label", "features_label").alias("label"),
        coalesce("manifest_split", "features_split").alias("split"),
        *[value.cast("long").alias(name) for name, value in judged.items()],
    )
