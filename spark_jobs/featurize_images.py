"""Entry point of the stage `featurize_images`: new images through a network, features of all of them."""

import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from image_features.featurize.arguments import FeaturizeArguments, parse_featurize_arguments
from image_features.featurize.batches import FeaturizeOptions
from image_features.featurize.content_index import Contents, contents_of
from image_features.featurize.work_plan import computed_before, plan, read_images
from image_features.featurize.worker import Counts, featurize, wake_workers
from image_features.featurize.write_features import Coverage, write_features
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.session import SMALL_JOBS_POOL, cores_per_task
from image_features.job.stats import StageStats
from image_features.networks.backbones import backbone_named
from image_features.networks.predictor import PredictorOptions, make_predictor
from image_features.schemas import OBJECTS, VECTORS
from image_features.storage import feature_store
from image_features.storage.compaction import compact

STAGE = "featurize_images"


def featurize_images(spark: SparkSession, arguments: FeaturizeArguments, progress: ProgressReporter) -> StageStats:
    images = read_images(spark, arguments.images_uri)
    network, options = _options(arguments, cores_per_task(spark))
    # Executors fetch the network from the folder, those that join late too: it stays until the last job is done.
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(2, thread_name_prefix="beside") as beside,
    ):
        awake = beside.submit(wake_workers, spark.sparkContext, arguments.engine)
        predictor = make_predictor(network, Path(folder), beside)
        identity = predictor.identity(arguments)
        vectors_uri = feature_store.vectors_uri(arguments.feature_store_uri, identity, arguments.engine)
        works = plan(images, arguments.images_uri, computed_before(spark, vectors_uri))
        make_predict_fn = predictor.make_predict_fn(spark.sparkContext)
        awake.result()
        planned, started, done = sum(map(len, works)), time.monotonic(), spark.sparkContext.accumulator(0)
        feature_store.write_identity(arguments.feature_store_uri, identity, arguments.engine)
        contents = beside.submit(_contents, spark, arguments, stack)
        with progress.watch(lambda: done.value, planned, "images"):
            counts = featurize(spark.sparkContext, works, make_predict_fn, options, vectors_uri, done)
        images_per_second = round(planned / (time.monotonic() - started), 1) if planned else None
        coverage, rejects = _assemble(spark, arguments, contents.result(), vectors_uri)
    details = {
        **predictor.details(arguments),
        "images_per_second": images_per_second,
        "vectors": _vectors(coverage, counts, planned),
    }
    return StageStats(coverage.rows, coverage.rows - coverage.rejected_rows, rejects, details)


def _contents(spark: SparkSession, arguments: FeaturizeArguments, stack: ExitStack) -> Contents:
    """While the workers compute: a few small jobs, which would keep all but one core idle after it."""
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", SMALL_JOBS_POOL)
    return stack.enter_context(contents_of(spark, arguments, feature_store.objects_uri(arguments.feature_store_uri)))


def _assemble(
    spark: SparkSession, arguments: FeaturizeArguments, contents: Contents, vectors_uri: str
) -> tuple[Coverage, Mapping[str, int]]:
    written = write_features(spark, contents, vectors_uri, arguments, STAGE)
    compact(spark.sparkContext, vectors_uri, VECTORS)
    compact(spark.sparkContext, feature_store.objects_uri(arguments.feature_store_uri), OBJECTS)
    return written


def _options(arguments: FeaturizeArguments, threads: int) -> tuple[PredictorOptions, FeaturizeOptions]:
    backbone = backbone_named(arguments.backbone)
    network = PredictorOptions(
        backbone, arguments.weights, arguments.models_uri, arguments.engine, arguments.precision, threads
    )
    return network, FeaturizeOptions(backbone.side_px, arguments.resize, arguments.batch_size, threads)


def _vectors(coverage: Coverage, counts: Counts, planned: int) -> dict[str, Any]:
    """Each of the run's images once: its vector was computed now or before, or is another's, or there is none."""
    rejected_before = coverage.rejected_contents - counts.rejected
    return {
        "computed": counts.computed,
        "reused": coverage.contents - planned - rejected_before,
        "same_bytes": coverage.rows - coverage.contents,
        "rejected_before": rejected_before,
    }


if __name__ == "__main__":
    sys.exit(run_job(STAGE, parse_featurize_arguments, featurize_images))
