"""Entry point of the stage `ingest_images`: photographs to a manifest, packed images of what is new, and rejects."""

import sys

from pyspark.sql import SparkSession

from image_features.errors import NoImagesError
from image_features.ingest.arguments import IngestArguments, parse_ingest_arguments
from image_features.ingest.fetch import fetch_packs
from image_features.ingest.known_objects import set_known_aside
from image_features.ingest.source_listing import write_excluded, write_listing
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.storage.datasets import by_reason, start_rejects
from image_features.storage.objects import delete_prefix
from run_contract.stages import INGEST


def ingest_images(spark: SparkSession, arguments: IngestArguments, progress: ProgressReporter) -> StageStats:
    """List the source, set aside what the store knows, fetch the rest, and count."""
    listing = write_listing(arguments)
    start_rejects(arguments.rejects_uri, INGEST)
    excluded = write_excluded(listing, arguments)
    # Readers of the manifest skip what begins with an underscore.
    packs_uri = f"{arguments.manifest_uri}/_to_fetch"
    pack_uris, known = set_known_aside(spark, arguments, listing, packs_uri)

    done = spark.sparkContext.accumulator(0)
    with progress.watch(lambda: known + done.value, listing.objects, "objects"):
        counts = fetch_packs(spark.sparkContext, pack_uris, arguments, done)
    delete_prefix(packs_uri)

    # Every object is an image or a reject.
    rejects = by_reason(counts + excluded)
    objects = listing.objects + len(listing.excluded)
    images = objects - sum(rejects.values())
    if not images:
        raise NoImagesError(arguments.source_uri, rejects)
    details = {
        "bytes": listing.size_bytes,
        "labels": len(listing.labels),
        "labels_that_look_alike": listing.labels_that_look_alike,
        "unknown_labels": listing.unknown_labels,
        "files": len(pack_uris),
        "sample": listing.sample,
        "fetched": counts["fetched"],
        "known": known + counts["known"],
    }
    return StageStats(objects, images, rejects, details)


if __name__ == "__main__":
    sys.exit(run_job(INGEST, parse_ingest_arguments, ingest_images))
