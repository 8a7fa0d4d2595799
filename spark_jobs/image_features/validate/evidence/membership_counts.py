"""The pass over the ids of all four datasets that finds what is lost, doubled or unknown, and counts the labels."""

from pyspark.sql import DataFrame
from pyspark.sql.functions import coalesce, col, collect_list, count_if, lit, struct, when
from pyspark.sql.functions import max as max_of
from pyspark.sql.functions import sum as sum_of

from image_features.validate.evidence.evidence import Membership
from run_contract.rejects import NOT_COUNTED

NAMED_LABELS = 5
# Labels of the chart of images by label; an even number.
BALANCED_LABELS = 40


def count_membership(
    manifest: DataFrame, features: DataFrame, rejects: DataFrame, pca_features: DataFrame
) -> Membership:
    """Count what became of every image id. Labels are counted on the workers, and few of them come to the driver."""
    ids = manifest.select(lit("manifest").alias("source"), "image_id", "label", "split")
    ids = ids.unionByName(features.select(lit("features").alias("source"), "image_id", "label", "split"))
    ids = ids.unionByName(rejects.select(lit("rejects").alias("source"), "image_id", "reason"), True)
    ids = ids.unionByName(pca_features.select(lit("pca").alias("source"), "image_id"), True)
    outcomes = _outcomes(ids)
    counted = [name for name in outcomes.columns if name not in ("label", "split")]
    by_class = outcomes.groupBy("label", "split").agg(*[sum_of(name).alias(name) for name in counted])
    splits = collect_list(struct("split", "features")).alias("splits")
    by_label = by_class.groupBy("label").agg(*[sum_of(name).alias(name) for name in counted], splits).persist()
    is_label, has_features = col("label").isNotNull(), col("features") > 0
    judged = {
        "labels": is_label & has_features,
        "lost": is_label & ~has_features & (col("manifest") > col("rejects")),
        "new": is_label & has_features & (col("manifest") == 0),
        "balanced": has_features,
    }
    sums = [coalesce(sum_of(name), lit(0)).alias(name) for name in counted]
    totals = by_label.agg(*sums, *[count_if(holds).alias(name) for name, holds in judged.items()]).collect()[0].asDict()
    firsts = {name: by_label.where(judged[name]).orderBy("label").limit(NAMED_LABELS) for name in ("lost", "new")}
    named = {name: [row["label"] for row in first.collect()] for name, first in firsts.items() if totals[name]}
    membership = Membership(totals, named, _balance(by_label.where(has_features), totals["balanced"]))
    by_label.unpersist()
    return membership


def _balance(by_label: DataFrame, labels: int) -> list[tuple[str, dict[str | None, int]]]:
    named = by_label.select(coalesce("label", lit("no label")).alias("label"), "features", "splits")
    shown = named.orderBy(col("features").desc(), "label").limit(BALANCED_LABELS).collect()
    if labels > BALANCED_LABELS:
        half = BALANCED_LABELS // 2
        smallest = named.orderBy("features", col("label").desc()).limit(half).collect()
        shown = [*shown[:half], *reversed(smallest)]
    return [(row["label"], {split: count for split, count in row["splits"] if count}) for row in shown]


def _outcomes(ids: DataFrame) -> DataFrame:
    """Return, for every image id, its label and split and by how much each total counts it."""
    of = {name: col("source") == name for name in ("manifest", "features", "rejects", "pca")}
    per_id = ids.groupBy("image_id").agg(
        *[count_if(is_of).alias(name) for name, is_of in of.items()],
        count_if(col("reason").isin(*NOT_COUNTED)).alias("ignored"),
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
