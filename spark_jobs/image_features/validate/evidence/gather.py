"""The evidence on a run, gathered from what its stages wrote."""

from collections.abc import Sequence

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
from image_features.validate.evidence.stage_stats import UPSTREAM, detail
from image_features.validate.evidence.vector_facts import draw_sample, measure_model, measure_moments, measure_vectors

EXAMPLES = 5


def gather_evidence(spark: SparkSession, arguments: ValidateArguments) -> Evidence:
    """Measure everything that the checks and the report need. Raises MissingDatasetError."""
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    rejects = read_dataset(spark, arguments.rejects_uri, REJECTS)
    features = read_dataset(spark, arguments.features_uri, FEATURES)
    pca_features = read_dataset(spark, arguments.pca_features_uri, PCA_FEATURES)
    stats = {stage: objects.find_json(f"{arguments.stats_prefix_uri}/{stage}.json") for stage in UPSTREAM}
    of_features = measure_vectors(spark.sparkContext, arguments.features_uri, "features")
    of_pca = measure_vectors(spark.sparkContext, arguments.pca_features_uri, "pca_features")
    some_features = draw_sample(features, "features", of_features, baseline.SAMPLE_ROWS)
    sample = draw_sample(pca_features, "pca_features", of_pca)
    model, worst_error = measure_model(spark, arguments.model_uri, some_features, sample)
    identity = detail(stats["featurize_images"], "identity")
    return Evidence(
        membership=count_membership(manifest, features, rejects, pca_features),
        rejects=group_rejects(rejects),
        features=of_features,
        pca_features=of_pca,
        moments=measure_moments(spark, arguments.pca_features_uri, of_pca),
        model=model,
        worst_error=worst_error,
        stats=stats,
        sample=sample,
        baseline=baseline.read_baseline(spark, arguments, some_features, of_features, model, identity),
        asked=arguments,
    )


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
