"""The command line of `featurize_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser
from image_features.networks.arguments import NetworkArguments, add_network_arguments
from image_features.storage.objects import split_uri

MAX_BATCH_SIZE = 1024


@dataclass(frozen=True, kw_only=True)
class FeaturizeArguments(NetworkArguments):
    manifest_uri: str
    images_uri: str
    features_uri: str
    rejects_uri: str
    feature_store_uri: str
    batch_size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for uri in (self.manifest_uri, self.images_uri, self.features_uri, self.rejects_uri, self.feature_store_uri):
            split_uri(uri)
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise ArgumentError("--batch-size", self.batch_size, f"a number of images, 1 to {MAX_BATCH_SIZE}")


def parse_featurize_arguments(argv: Sequence[str]) -> FeaturizeArguments:
    parser = JobArgumentParser("featurize_images", "Takes each new image through a pre-trained network to a vector.")
    parser.add_argument("--manifest-uri", required=True)
    parser.add_argument("--images-uri", required=True)
    parser.add_argument("--features-uri", required=True)
    parser.add_argument("--rejects-uri", required=True)
    parser.add_argument("--feature-store-uri", required=True, help="what was computed before, and is not again")
    add_network_arguments(parser)
    parser.add_argument("--batch-size", type=int, default=2, help="images that go through the network at once")
    return parser.parse_into(FeaturizeArguments, argv)
