"""Entry point of the stage `featurize_images`: new images through a network, features of all of them."""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from image_features.featurize.arguments import FeaturizeArguments, parse_featurize_arguments
from image_features.featurize.batches import FeaturizeOptions
from image_features.featurize.content_index import image_chunks
from image_features.featurize.work_plan import plan
from image_features.featurize.worker import featurize
from image_features.featurize.write_features import vector_counts, write_features
from image_features.images.decode import decode_image
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.session import cores_per_task
from image_features.job.stats import StageStats
from image_features.networks import predictor
from image_features.networks.backbones import backbone_named
from image_features.networks.identity import identity_of
from image_features.schemas import OBJECTS, VECTORS
from image_features.storage import feature_store
from image_features.storage.compaction import compact
from image_features.storage.datasets import by_reason
from run_contract.stages import FEATURIZE


def featurize_images(spark: SparkSession, given: FeaturizeArguments, progress: ProgressReporter) -> StageStats:
    """Compute a vector for each content that is new to the store, then give every image the vector of its bytes."""
    context, store_uri = spark.sparkContext, given.feature_store_uri
    threads, backbone = cores_per_task(spark), backbone_named(given.backbone)
    network = predictor.PredictorOptions(
        backbone, given.weights, given.models_uri, given.engine, given.precision, threads
    )
    decode = partial(decode_image, side_px=backbone.side_px, resize=given.resize)
    options = FeaturizeOptions(decode, given.batch_size, threads)

    # Spark fetches the network from this folder for tasks of every job, so the folder stays until the last one is done.
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        weights = predictor.find_checked_weights(network, Path(folder))
        # That takes seconds, in a process of its own. Meanwhile the work is planned.
        making = beside.submit(predictor.make_network, network, weights, Path(folder))
        identity = identity_of(given, weights.sha256 or making.result().weights_sha256)
        vectors_uri = feature_store.vectors_uri(store_uri, identity, given.engine)
        works = plan(spark, given.images_uri, vectors_uri)
        make_predict_fn = predictor.ship_network(context, network, making.result())

        feature_store.write_identity(store_uri, identity, given.engine)
        planned, started, done = sum(len(work.rows) for work in works), time.monotonic(), context.accumulator(0)
        with progress.watch(lambda: done.value, planned, "images"):
            new = featurize(context, works, make_predict_fn, options, vectors_uri, done)
        images_per_second = round(planned / (time.monotonic() - started), 1) if planned else None

        covered = write_features(context, image_chunks(spark, given), vectors_uri, given)
        compact(context, vectors_uri, VECTORS)
        compact(context, feature_store.objects_uri(store_uri), OBJECTS)

    details = predictor.network_details(given, network, weights, identity)
    details |= {"images_per_second": images_per_second, "vectors": vector_counts(covered, new)}
    return StageStats(covered["images"], covered["features"], by_reason(covered), details)


if __name__ == "__main__":
    sys.exit(run_job(FEATURIZE, parse_featurize_arguments, featurize_images))
