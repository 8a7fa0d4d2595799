"""The command line of `featurize_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser
from image_features.networks.arguments import NetworkArguments
from run_contract.stages import FEATURIZE, stage_named

MAX_BATCH_SIZE = 1024


@dataclass(frozen=True, kw_only=True)
class FeaturizeArguments(NetworkArguments):
    """`batch_size` images go through the network at once; the DAG leaves it at its default."""

    manifest_uri: str
    images_uri: str
    features_uri: str
    looks_uri: str
    rejects_uri: str
    feature_store_uri: str
    batch_size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise ArgumentError("--batch-size", self.batch_size, f"a number of images, 1 to {MAX_BATCH_SIZE}")


def parse_featurize_arguments(argv: Sequence[str]) -> FeaturizeArguments:
    """Return the arguments; raises CommandLineError or ArgumentError."""
    parser = JobArgumentParser(stage_named(FEATURIZE))
    parser.add_argument("--batch-size", type=int, default=2, help="images that go through the network at once")
    return parser.parse_into(FeaturizeArguments, argv)
