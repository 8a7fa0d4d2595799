"""Entry point of the stage `ingest_images`: photographs to a manifest, packed images of what is new, and rejects."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pyspark.accumulators import Accumulator
from pyspark.sql import DataFrame, SparkSession

from image_features.errors import NoImagesError
from image_features.ingest import known_objects
from image_features.ingest.arguments import IngestArguments, parse_ingest_arguments
from image_features.ingest.fetch import fetch_packs, write_no_images
from image_features.ingest.known_objects import Judged
from image_features.ingest.source_listing import ManifestTotals, write_listing, write_packs
from image_features.job.progress import ProgressReporter
from image_features.job.run_job import run_job
from image_features.job.stats import StageStats
from image_features.networks.identity import known_identity
from image_features.schemas import IN_FILES_OF_REJECTS, MANIFEST, OBJECTS, TO_FETCH, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import read_dataset, write_rejects
from image_features.storage.objects import delete_prefix

STAGE = "ingest_images"


def ingest_images(spark: SparkSession, arguments: IngestArguments, progress: ProgressReporter) -> StageStats:
    totals, listed = write_listing(
        arguments.source_uri, arguments.sample_limit, arguments.manifest_uri, arguments.inventory_uri
    )
    with _judged(spark, arguments) as judged:
        known = judged.known if judged else 0
        # Its readers skip what begins with an underscore.
        packs_uri = f"{arguments.manifest_uri}/_to_fetch"
        pack_uris = write_packs(judged.to_fetch(), packs_uri, TO_FETCH) if judged else totals.pack_uris
        done = spark.sparkContext.accumulator(0)
        with progress.watch(lambda: known + done.value, totals.objects, "objects"):
            rejects = _fetched(spark, arguments, pack_uris, done)
            rejects = rejects.union(judged.rejects()) if judged else rejects
            counts = write_rejects(rejects, arguments.rejects_uri, STAGE)
        delete_prefix(packs_uri)
    # Every object is an image or a reject.
    images = totals.objects - sum(counts.values())
    if not images:
        raise NoImagesError(arguments.source_uri, counts)
    return StageStats(totals.objects, images, counts, _details(arguments, totals, listed, known, len(pack_uris)))


def _fetched(
    spark: SparkSession, arguments: IngestArguments, pack_uris: list[str], done: Accumulator[int]
) -> DataFrame:
    """The rejects; as Spark writes them, tasks fetch, and write the images."""
    delete_prefix(arguments.images_uri)
    if not pack_uris:
        write_no_images(arguments.images_uri)
    learned_uri = feature_store.objects_uri(arguments.feature_store_uri)
    rejects = fetch_packs(spark.sparkContext, pack_uris, arguments.images_uri, learned_uri, done)
    return spark.createDataFrame(rejects, IN_FILES_OF_REJECTS, verifySchema=False)


def _judged(spark: SparkSession, arguments: IngestArguments) -> AbstractContextManager[Judged | None]:
    """What the feature store knows of the manifest's rows; None if it knows nothing."""
    objects_uri = feature_store.objects_uri(arguments.feature_store_uri)
    identity = known_identity(arguments) if feature_store.has_parts(objects_uri) else None
    if identity is None:
        return nullcontext()
    vectors_uri = feature_store.vectors_uri(arguments.feature_store_uri, identity, arguments.engine)
    vectors = read_dataset(spark, vectors_uri, VECTORS) if feature_store.has_parts(vectors_uri) else None
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    return known_objects.judged(manifest, read_dataset(spark, objects_uri, OBJECTS), vectors)


def _details(arguments: IngestArguments, totals: ManifestTotals, listed: int, known: int, files: int) -> dict[str, Any]:
    return {
        "bytes": totals.size_bytes,
        "labels": totals.labels,
        "files": files,
        "sample": arguments.sample_limit and {"limit": arguments.sample_limit, "listed": listed},
        "fetched": totals.objects - totals.unread - known,
        "known": known,
    }


if __name__ == "__main__":
    sys.exit(run_job(STAGE, parse_ingest_arguments, ingest_images))
