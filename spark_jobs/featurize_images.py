"""Entry point of the stage `featurize_images`: images through a pre-trained network to feature vectors, in one pass."""

import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import SparkSession

from image_features.backbones import backbone_named
from image_features.datasets import read_dataset
from image_features.featurize_arguments import FeaturizeArguments, parse_featurize_arguments
from image_features.featurizing import FeaturizeOptions, featurize
from image_features.job import run_job
from image_features.outcomes import write_outcomes
from image_features.predicting import PredictorOptions, make_predictor
from image_features.progress import ProgressReporter
from image_features.schemas import FEATURES, IMAGES
from image_features.session import cores_per_task, use_one_task_per_file
from image_features.stats import StageStats

STAGE = "featurize_images"


def featurize_images(spark: SparkSession, arguments: FeaturizeArguments, progress: ProgressReporter) -> StageStats:
    images = read_dataset(spark, arguments.images_uri, IMAGES)
    use_one_task_per_file(spark)
    rows_in, done = images.count(), spark.sparkContext.accumulator(0)
    network, work = _options(arguments, cores_per_task(spark))
    with tempfile.TemporaryDirectory() as folder:
        predictor = make_predictor(spark.sparkContext, network, Path(folder))
        started = time.monotonic()
        with progress.watch(lambda: done.value, rows_in, "images"):
            outcomes = featurize(images, predictor.make_predict_fn, work, done)
            written = write_outcomes(outcomes, arguments.features_uri, FEATURES, arguments.rejects_uri, STAGE)
        images_per_second = round(rows_in / (time.monotonic() - started), 1)
    details = {**predictor.details(arguments.resize), "images_per_second": images_per_second}
    return StageStats(rows_in, written.rows, written.rejects, details)


def _options(arguments: FeaturizeArguments, threads: int) -> tuple[PredictorOptions, FeaturizeOptions]:
    backbone = backbone_named(arguments.backbone)
    network = PredictorOptions(
        backbone, arguments.weights, arguments.models_uri, arguments.engine, arguments.precision, threads
    )
    return network, FeaturizeOptions(backbone.side_px, arguments.resize, arguments.batch_size, threads)


if __name__ == "__main__":
    sys.exit(run_job(STAGE, parse_featurize_arguments, featurize_images))
