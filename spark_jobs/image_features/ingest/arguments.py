"""The command line of `ingest_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser
from image_features.networks.arguments import NetworkArguments, add_network_arguments
from image_features.storage.objects import split_uri


@dataclass(frozen=True, kw_only=True)
class IngestArguments(NetworkArguments):
    source_uri: str
    manifest_uri: str
    inventory_uri: str
    images_uri: str
    rejects_uri: str
    feature_store_uri: str
    sample_limit: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        for uri in (self.source_uri, self.manifest_uri, self.inventory_uri, self.images_uri, self.rejects_uri):
            split_uri(uri)
        split_uri(self.feature_store_uri)
        if self.sample_limit is not None and self.sample_limit < 1:
            raise ArgumentError("--sample-limit", self.sample_limit, "a number of objects, 1 or more")


def parse_ingest_arguments(argv: Sequence[str]) -> IngestArguments:
    parser = JobArgumentParser("ingest_images", "Lists the photographs and packs the original bytes of new ones.")
    parser.add_argument("--source-uri", required=True)
    parser.add_argument("--manifest-uri", required=True)
    parser.add_argument("--inventory-uri", required=True, help="a file: the listing, for the next run to compare with")
    parser.add_argument("--images-uri", required=True)
    parser.add_argument("--rejects-uri", required=True)
    parser.add_argument("--feature-store-uri", required=True, help="what earlier runs computed")
    parser.add_argument("--sample-limit", type=int, help="at most so many objects, spread over the labels")
    # Objects whose vector of this network is in the store are not fetched.
    add_network_arguments(parser)
    return parser.parse_into(IngestArguments, argv)
