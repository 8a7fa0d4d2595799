"""Entry point of the stage `reduce_features`: features to PCA features, and the model that maps one to the other."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.reduce.arguments import ReduceArguments, parse_reduce_arguments
from image_features.reduce.csv_export import write_csv
from image_features.reduce.file_passes import project_dataset
from image_features.reduce.model_choice import Fitted, fit_or_project, refuse_to_project
from image_features.reduce.run_gram import RunGram, gram_of_run, write_gram
from image_features.reduce.spark_model import save_model
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from image_features.storage.snapshots import newest_other, read_identity

PASSES = ("gram", "model", "pca_features", "pca_features_csv")


def reduce_features(spark: SparkSession, arguments: ReduceArguments, progress: ProgressReporter) -> StageStats:
    finished: list[str] = []
    with progress.watch(lambda: len(finished), total=len(PASSES), unit="passes"):
        features = read_dataset(spark, arguments.features_uri, FEATURES)
        identity = read_identity(arguments.stats_prefix_uri)
        baseline = newest_other(arguments.published_uri, arguments.features_uri)
        refuse_to_project(baseline, identity, arguments)
        run = gram_of_run(spark, features, arguments.features_uri, identity, baseline)
        # Until the dataset goes with its module, it lies where it always did.
        write_gram(run.kept, f"{arguments.run_uri}/gram")
        finished.append("gram")
        fitted = fit_or_project(spark, run, arguments.run_uri, baseline, arguments)
        save_model(fitted.pipeline, arguments.model_uri)
        finished.append("model")
        rows = project_dataset(spark.sparkContext, arguments.features_uri, fitted.model, arguments.pca_features_uri)
        finished.append("pca_features")
        _write_csv_if_asked(spark, arguments, len(fitted.model.explained_variance_ratio))
        finished.append("pca_features_csv")
    return StageStats(rows_in=run.kept.gram.rows, rows_out=rows, details=_details(fitted, run))


def _write_csv_if_asked(spark: SparkSession, arguments: ReduceArguments, components: int) -> None:
    if "csv" in arguments.formats:
        pca_features = read_dataset(spark, arguments.pca_features_uri, PCA_FEATURES)
        write_csv(pca_features, components, arguments.pca_features_csv_uri)
    else:
        # An earlier attempt's, which this run's Parquet would contradict.
        objects.delete_prefix(arguments.pca_features_csv_uri)


def _details(fitted: Fitted, run: RunGram) -> dict[str, object]:
    """Shares are of this run's variance, also where the model was fitted in another: then in that model's scaling."""
    model = fitted.model
    return {
        "components": len(model.explained_variance_ratio),
        "dimension": len(model.mean),
        "rows": model.rows,
        "explained_variance": float(model.explained_variance_ratio.sum()),
        "explained_variance_ratio": model.explained_variance_ratio.tolist(),
        # Of every direction there is, so that a reader sees what more components would have bought.
        "spectrum": model.spectrum.round(9).tolist(),
        "model": fitted.details(run),
    }


if __name__ == "__main__":
    sys.exit(run_job("reduce_features", parse_reduce_arguments, reduce_features))
