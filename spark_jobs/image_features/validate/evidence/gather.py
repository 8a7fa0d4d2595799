"""The evidence on a run, gathered from what its stages wrote."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql.functions import col, collect_list, count, row_number, struct
from pyspark.sql.functions import max as max_of

from image_features.schemas import FEATURES, MANIFEST, PCA_FEATURES, REJECTS
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.validate.arguments import ValidateArguments
from image_features.validate.evidence import baseline
from image_features.validate.evidence.evidence import Evidence, RejectGroup
from image_features.validate.evidence.membership_counts import count_membership
from image_features.validate.evidence.model_error import measure_model
from image_features.validate.evidence.stage_stats import UPSTREAM, detail
from image_features.validate.evidence.vector_facts import draw_sample, measure_moments, measure_vectors

EXAMPLES = 5


def gather_evidence(spark: SparkSession, arguments: ValidateArguments) -> Evidence:
    """Measure everything that the checks and the report need. Raises MissingDatasetError."""
    stats = {stage: objects.find_json(f"{arguments.stats_prefix_uri}/{stage}.json") for stage in UPSTREAM}
    # Python's workers measure vectors while the JVM plans, compiles and counts ids.
    with ThreadPoolExecutor(1) as beside:
        measuring = beside.submit(_measure, spark, arguments, detail(stats["featurize_images"], "identity"))
        manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
        rejects = read_dataset(spark, arguments.rejects_uri, REJECTS)
        features = read_dataset(spark, arguments.features_uri, FEATURES)
        pca_features = read_dataset(spark, arguments.pca_features_uri, PCA_FEATURES)
        membership = count_membership(manifest, features, rejects, pca_features)
        groups = group_rejects(rejects)
        return Evidence(membership=membership, rejects=groups, stats=stats, asked=arguments, **measuring.result())


def _measure(spark: SparkSession, arguments: ValidateArguments, identity: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of the evidence that come from vectors and the model."""
    context, features_uri, pca_uri = spark.sparkContext, arguments.features_uri, arguments.pca_features_uri
    of_features = measure_vectors(context, features_uri, "features")
    of_pca = measure_vectors(context, pca_uri, "pca_features")
    some_features = draw_sample(context, features_uri, "features", of_features, baseline.SAMPLE_ROWS)
    sample = draw_sample(context, pca_uri, "pca_features", of_pca)
    model, worst_error = measure_model(spark, arguments.model_uri, some_features, sample)
    return {
        "features": of_features,
        "pca_features": of_pca,
        "sample": sample,
        "model": model,
        "worst_error": worst_error,
        "moments": measure_moments(spark, pca_uri, of_pca),
        "baseline": baseline.read_baseline(spark, arguments, some_features, of_features, model, identity),
    }


def group_rejects(rejects: DataFrame) -> Sequence[RejectGroup]:
    """Return how many rejects each stage and reason has, the commonest first, with the first few by URI."""
    of_group = Window.partitionBy("stage", "reason")
    ranked = rejects.withColumns(
        {"place": row_number().over(of_group.orderBy("uri")), "count": count("uri").over(of_group)}
    )
    groups = (
        ranked.where(col("place") <= EXAMPLES)
        .groupBy("stage", "reason")
        .agg(max_of("count").alias("count"), collect_list(struct("place", "uri", "detail")).alias("examples"))
        .orderBy(col("count").desc(), "stage", "reason")
    )
    return [
        RejectGroup(stage, reason, number, [(uri, detail) for _, uri, detail in sorted(examples)])
        for stage, reason, number, examples in groups.collect()
    ]
