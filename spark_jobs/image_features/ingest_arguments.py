"""The command line of `ingest_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.arguments import JobArgumentParser, JobArguments
from image_features.errors import ArgumentError
from image_features.objects import split_uri


@dataclass(frozen=True, kw_only=True)
class IngestArguments(JobArguments):
    source_uri: str
    manifest_uri: str
    images_uri: str
    rejects_uri: str
    sample_limit: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        for uri in (self.source_uri, self.manifest_uri, self.images_uri, self.rejects_uri):
            split_uri(uri)
        if self.sample_limit is not None and self.sample_limit < 1:
            raise ArgumentError("--sample-limit", self.sample_limit, "a number of objects, 1 or more")


def parse_ingest_arguments(argv: Sequence[str]) -> IngestArguments:
    parser = JobArgumentParser("ingest_images", "Lists the photographs and packs their original bytes into Parquet.")
    parser.add_argument("--source-uri", required=True)
    parser.add_argument("--manifest-uri", required=True)
    parser.add_argument("--images-uri", required=True)
    parser.add_argument("--rejects-uri", required=True)
    parser.add_argument("--sample-limit", type=int, help="at most so many objects, spread over the labels")
    return parser.parse_into(IngestArguments, argv)
