"""Entry point of the stage `ingest_images`: photographs to a manifest, packed images, and what is set aside."""

import sys

from pyspark.sql import SparkSession

from image_features.datasets import read_dataset
from image_features.errors import NoImagesError
from image_features.fetching import fetch_images
from image_features.ingest_arguments import IngestArguments, parse_ingest_arguments
from image_features.job import run_job
from image_features.listing import Listing, write_manifest
from image_features.objects import list_objects
from image_features.outcomes import write_outcomes
from image_features.progress import ProgressReporter
from image_features.schemas import IMAGES, MANIFEST
from image_features.session import use_one_task_per_file
from image_features.stats import StageStats

STAGE = "ingest_images"


def ingest_images(spark: SparkSession, arguments: IngestArguments, progress: ProgressReporter) -> StageStats:
    listing = Listing(arguments.source_uri, arguments.sample_limit)
    totals = write_manifest(listing.rows(), arguments.manifest_uri)
    use_one_task_per_file(spark)
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    done = spark.sparkContext.accumulator(0)
    with progress.watch(lambda: done.value, totals.objects, "objects"):
        outcomes = fetch_images(manifest, done)
        written = write_outcomes(outcomes, arguments.images_uri, IMAGES, arguments.rejects_uri, STAGE)
    if not written.rows:
        raise NoImagesError(arguments.source_uri, written.rejects)
    details = {
        "bytes": totals.size_bytes,
        "labels": totals.labels,
        "files": sum(listed.uri.endswith(".parquet") for listed in list_objects(arguments.images_uri)),
        "sample": arguments.sample_limit and {"limit": arguments.sample_limit, "listed": listing.seen},
    }
    return StageStats(totals.objects, written.rows, written.rejects, details)


if __name__ == "__main__":
    sys.exit(run_job(STAGE, parse_ingest_arguments, ingest_images))
