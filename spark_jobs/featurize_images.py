"""Entry point of the stage `featurize_images`: new images through a network, features of all of them."""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.sql import SparkSession

from image_features.featurize.arguments import FeaturizeArguments, parse_featurize_arguments
from image_features.featurize.batches import FeaturizeOptions
from image_features.featurize.content_index import images_of_run
from image_features.featurize.work_plan import plan
from image_features.featurize.worker import featurize
from image_features.featurize.write_features import vector_counts, write_features
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.session import cores_per_task
from image_features.job.stats import StageStats
from image_features.networks.engines.engine import engine_module
from image_features.networks.engines.ship import ship
from image_features.networks.export import find_or_export
from image_features.networks.identity import identity_of, store_identity
from image_features.networks.weights import find_asked
from image_features.storage import feature_store
from image_features.storage.compaction import compact_store
from image_features.storage.datasets import by_reason
from run_contract.stages import FEATURIZE


def featurize_images(spark: SparkSession, given: FeaturizeArguments, progress: ProgressReporter) -> StageStats:
    """Compute a vector for each content that is new to the store, then give every image the vector of its bytes."""
    context, store_uri, threads = spark.sparkContext, given.feature_store_uri, cores_per_task(spark)
    engine_module(given)  # Before the weights, which may take minutes to come.
    # Spark fetches the network from this folder for tasks of every job, so the folder stays until the last one is done.
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        weights = find_asked(given, Path(folder))
        network = weights.described or given.architecture
        options = FeaturizeOptions(given.decoder(network.side_px), given.batch_size, threads)
        # Making a network takes seconds, in a process of its own. Meanwhile the work is planned.
        making = beside.submit(find_or_export, given, weights, Path(folder))
        sha256 = weights.sha256 or making.result().weights_sha256
        kept_by = store_identity(given, sha256)
        vectors_uri = feature_store.vectors_uri(store_uri, kept_by)
        works = plan(spark, given.images_uri, vectors_uri)
        make_predict_fn = ship(context, making.result().files, given, threads)

        feature_store.write_identity(store_uri, kept_by)
        planned, started, done = sum(len(work.rows) for work in works), time.monotonic(), context.accumulator(0)
        with progress.watch(lambda: done.value, planned, "images"):
            new = featurize(context, works, make_predict_fn, options, vectors_uri, done)
        images_per_second = round(planned / (time.monotonic() - started), 1) if planned else None

        covered = write_features(images_of_run(spark, given), vectors_uri, given)
        compact_store(context, store_uri, vectors_uri)

    details = {
        "dimension": network.dimension,
        "weights": {"source": weights.source, "sha256": sha256, "pretrained": weights.seed is None},
        "identity": identity_of(given, sha256),
        "images_per_second": images_per_second,
        "vectors": vector_counts(covered, new),
    }
    return StageStats(covered["images"], covered["features"], by_reason(covered), details)


if __name__ == "__main__":
    sys.exit(run_job(FEATURIZE, parse_featurize_arguments, featurize_images))
