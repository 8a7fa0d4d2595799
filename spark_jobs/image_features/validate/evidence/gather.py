"""The evidence on a run, gathered from what its stages wrote."""

from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from image_features.reduce.spark_model import load_model
from image_features.schemas import FEATURES, IN_FILES_OF_REJECTS, MANIFEST, PCA_FEATURES
from image_features.storage import objects
from image_features.storage.datasets import check_dataset
from image_features.validate.arguments import ValidateArguments
from image_features.validate.evidence import baseline
from image_features.validate.evidence.evidence import Evidence
from image_features.validate.evidence.membership_counts import count_membership
from image_features.validate.evidence.model_error import measure_model
from image_features.validate.evidence.nearest import find_nearest
from image_features.validate.evidence.reject_groups import group_rejects
from image_features.validate.evidence.stage_stats import UPSTREAM, detail
from image_features.validate.evidence.vector_facts import draw_sample, measure_moments, measure_vectors

_SCHEMAS = {
    "manifest": MANIFEST,
    "features": FEATURES,
    "rejects": IN_FILES_OF_REJECTS,
    "pca_features": PCA_FEATURES,
}


def gather_evidence(spark: SparkSession, arguments: ValidateArguments) -> Evidence:
    """Measure everything that the checks and the report need. Raises MissingDatasetError or SchemaMismatchError."""
    context = spark.sparkContext
    uris = {name: getattr(arguments, f"{name}_uri") for name in _SCHEMAS}
    for name, schema in _SCHEMAS.items():
        check_dataset(uris[name], schema)
    stats = {stage: objects.find_json(f"{arguments.stats_prefix_uri}/{stage}.json") for stage in UPSTREAM}
    # The JVM loads and applies the model while Python's workers measure, count and compare.
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load_model, arguments.model_uri)
        of_features = measure_vectors(context, arguments.features_uri, "features", baseline.SAMPLE_ROWS)
        of_pca = measure_vectors(context, arguments.pca_features_uri, "pca_features")
        some_features = draw_sample(context, arguments.features_uri, "features", of_features, baseline.SAMPLE_ROWS)
        sample = draw_sample(context, arguments.pca_features_uri, "pca_features", of_pca)
        measuring = beside.submit(
            lambda: measure_model(spark, arguments.model_uri, loading.result(), some_features, sample)
        )
        # Every object that was listed is in the manifest, among the rejects, or, once it was decoded, in both.
        listed = (stats["ingest_images"] or {}).get("rows_in", 0)
        membership = count_membership(context, uris, 2 * listed + of_features.rows + of_pca.rows)
        groups = group_rejects(context, arguments.rejects_uri)
        moments = measure_moments(context, arguments.pca_features_uri, of_pca)
        nearest = find_nearest(context, sample.vectors)
        model, worst_error = measuring.result()
    identity = detail(stats["featurize_images"], "identity")
    return Evidence(
        membership=membership,
        rejects=groups,
        features=of_features,
        pca_features=of_pca,
        moments=moments,
        model=model,
        worst_error=worst_error,
        stats=stats,
        sample=sample,
        nearest=nearest,
        baseline=baseline.read_baseline(context, arguments, some_features, of_features, model, identity),
        asked=arguments,
    )
