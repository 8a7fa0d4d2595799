"""Stage 1: lists the source, packs the original bytes of its images into Parquet files, sets aside what is no image."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession

from image_features.arguments import JobArgumentParser, JobArguments
from image_features.datasets import read_dataset
from image_features.errors import ArgumentError, NoImagesError
from image_features.fetching import fetch_images
from image_features.job import run_job
from image_features.listing import Listing, write_manifest
from image_features.objects import list_objects, split_uri
from image_features.outcomes import write_outcomes
from image_features.progress import ProgressReporter
from image_features.schemas import IMAGES, MANIFEST
from image_features.session import use_one_task_per_file
from image_features.stats import StageStats

STAGE = "ingest_images"


@dataclass(frozen=True, kw_only=True)
class IngestArguments(JobArguments):
    source_uri: str
    manifest_uri: str
    images_uri: str
    rejects_uri: str
    sample_limit: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        split_uri(self.source_uri)
        if self.sample_limit is not None and self.sample_limit < 1:
            raise ArgumentError("--sample-limit", self.sample_limit, "a number of objects, 1 or more")


def parse(argv: Sequence[str]) -> IngestArguments:
    parser = JobArgumentParser(STAGE, __doc__)
    for name in ("source", "manifest", "images", "rejects"):
        parser.add_argument(f"--{name}-uri", required=True)
    parser.add_argument("--sample-limit", type=int, help="at most so many objects, spread over the labels")
    return parser.parse_into(IngestArguments, argv)


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
    files = sum(listed.uri.endswith(".parquet") for listed in list_objects(arguments.images_uri))
    sample = arguments.sample_limit and {"limit": arguments.sample_limit, "listed": listing.seen}
    details = {"bytes": totals.size_bytes, "labels": totals.labels, "files": files, "sample": sample}
    return StageStats(totals.objects, written.rows, written.rejects, details)


if __name__ == "__main__":
    raise SystemExit(run_job(STAGE, parse, ingest_images))
