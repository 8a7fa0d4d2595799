"""Entry point of the stage `ingest_images`: photographs to a manifest, packed images of what is new, and rejects."""

import sys

from pyspark.sql import SparkSession

from image_features.errors import NoImagesError
from image_features.ingest.arguments import IngestArguments, parse_ingest_arguments
from image_features.ingest.fetch import Targets, fetch_packs
from image_features.ingest.known_objects import set_known_aside
from image_features.ingest.source_listing import write_listing
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.storage import feature_store
from image_features.storage.datasets import by_reason, start_rejects
from image_features.storage.objects import delete_prefix

STAGE = "ingest_images"


def ingest_images(spark: SparkSession, arguments: IngestArguments, progress: ProgressReporter) -> StageStats:
    """List the source, set aside what the store knows, fetch the rest, and count."""
    listed = write_listing(arguments)
    rejects_uri = start_rejects(arguments.rejects_uri, STAGE)
    # Readers of the manifest skip what begins with an underscore.
    packs_uri = f"{arguments.manifest_uri}/_to_fetch"
    known = set_known_aside(spark, arguments, listed, packs_uri, rejects_uri)

    objects_uri = feature_store.objects_uri(arguments.feature_store_uri)
    targets = Targets(arguments.images_uri, objects_uri, rejects_uri)
    done = spark.sparkContext.accumulator(0)
    with progress.watch(lambda: known.objects + done.value, listed.objects, "objects"):
        rejects = known.rejects + fetch_packs(spark.sparkContext, known.pack_uris, targets, done)
    delete_prefix(packs_uri)

    # Every object is an image or a reject.
    images = listed.objects - rejects.total()
    if not images:
        raise NoImagesError(arguments.source_uri, by_reason(rejects))
    details = {
        "bytes": listed.size_bytes,
        "labels": listed.labels,
        "files": len(known.pack_uris),
        "sample": listed.sample,
        "fetched": listed.objects - listed.unread - known.objects,
        "known": known.objects,
    }
    return StageStats(listed.objects, images, by_reason(rejects), details)


if __name__ == "__main__":
    sys.exit(run_job(STAGE, parse_ingest_arguments, ingest_images))
