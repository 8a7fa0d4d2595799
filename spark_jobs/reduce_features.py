"""Entry point of the stage `reduce_features`: it makes PCA features from features, and the model that does so."""

import sys

from pyspark.sql import SparkSession

from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.reduce.arguments import ReduceArguments, parse_reduce_arguments
from image_features.reduce.csv_export import write_or_remove_csv
from image_features.reduce.file_passes import gram_of_dataset, project_dataset
from image_features.reduce.model_choice import choose_model, reusable_snapshot
from image_features.reduce.row_changes import changes_since
from image_features.schemas import FEATURES
from image_features.storage.datasets import check_dataset
from image_features.storage.snapshots import newest_other, read_identity

PASSES = ("gram", "model", "pca_features", "pca_features_csv")


def reduce_features(spark: SparkSession, arguments: ReduceArguments, progress: ProgressReporter) -> StageStats:
    """Fit a model or take the published one, project all features on it, and return what was counted."""
    finished: list[str] = []
    with progress.watch(lambda: len(finished), total=len(PASSES), unit="passes"):
        check_dataset(arguments.features_uri, FEATURES)
        identity = read_identity(arguments.stats_prefix_uri)
        baseline = newest_other(arguments.published_uri, arguments.features_uri)
        snapshot = reusable_snapshot(baseline, identity, arguments)

        gram = gram_of_dataset(spark.sparkContext, arguments.features_uri, "features")
        changes = changes_since(spark, arguments.features_uri, gram.rows, baseline)
        finished.append("gram")

        chosen = choose_model(spark, gram, changes, snapshot, arguments)
        chosen.pipeline.write().overwrite().save(arguments.model_uri)
        finished.append("model")

        rows = project_dataset(spark.sparkContext, arguments.features_uri, chosen.model, arguments.pca_features_uri)
        finished.append("pca_features")

        write_or_remove_csv(spark, arguments, len(chosen.model.explained_variance_ratio))
        finished.append("pca_features_csv")
    return StageStats(rows_in=gram.rows, rows_out=rows, details=chosen.details(changes))


if __name__ == "__main__":
    sys.exit(run_job("reduce_features", parse_reduce_arguments, reduce_features))
