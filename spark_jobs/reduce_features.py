"""Entry point of the stage `reduce_features`: features to PCA features, and the model that maps one to the other."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

from image_features import objects
from image_features.datasets import read_dataset, write_counted
from image_features.job import run_job
from image_features.pca import PcaModel, fit_pca
from image_features.pca_csv import write_csv
from image_features.pipeline_model import save_model, to_pipeline_model
from image_features.progress import ProgressReporter
from image_features.reduce_arguments import ReduceArguments, parse_reduce_arguments
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.spark_pca import gram_of_column, project_features
from image_features.stats import StageStats

PASSES = ("fit", "model", "pca_features", "pca_features_csv")


def reduce_features(spark: SparkSession, arguments: ReduceArguments, progress: ProgressReporter) -> StageStats:
    finished: list[str] = []
    with progress.watch(lambda: len(finished), total=len(PASSES), unit="passes"):
        features = read_dataset(spark, arguments.features_uri, FEATURES)
        gram = gram_of_column(features, "features")
        model = fit_pca(gram, arguments.pca_components, arguments.explained_variance)
        finished.append("fit")
        save_model(to_pipeline_model(spark, model), arguments.model_uri)
        finished.append("model")
        rows = write_counted(project_features(features, model), arguments.pca_features_uri, PCA_FEATURES)
        finished.append("pca_features")
        _write_csv_if_asked(spark, arguments, len(model.explained_variance_ratio))
        finished.append("pca_features_csv")
    return StageStats(rows_in=gram.rows, rows_out=rows, details=_details(model))


def _write_csv_if_asked(spark: SparkSession, arguments: ReduceArguments, components: int) -> None:
    if "csv" in arguments.formats:
        pca_features = read_dataset(spark, arguments.pca_features_uri, PCA_FEATURES)
        write_csv(pca_features, components, arguments.pca_features_csv_uri)
    else:
        # An earlier attempt's, which this run's Parquet would contradict.
        objects.delete_prefix(arguments.pca_features_csv_uri)


def _details(model: PcaModel) -> dict[str, object]:
    return {
        "components": len(model.explained_variance_ratio),
        "dimension": len(model.mean),
        "rows": model.rows,
        "explained_variance": float(model.explained_variance_ratio.sum()),
        "explained_variance_ratio": model.explained_variance_ratio.tolist(),
        # Of every direction there is, so that a reader sees what more components would have bought.
        "spectrum": model.spectrum.round(9).tolist(),
    }


if __name__ == "__main__":
    sys.exit(run_job("reduce_features", parse_reduce_arguments, reduce_features))
