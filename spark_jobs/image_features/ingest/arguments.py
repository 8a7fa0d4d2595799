"""The command line of `ingest_images`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser
from image_features.networks.arguments import NetworkArguments
from run_contract.labels import LabelsError, facts_by
from run_contract.stages import INGEST, stage_named


@dataclass(frozen=True, kw_only=True)
class IngestArguments(NetworkArguments):
    """Objects whose vector of this network is in the feature store are not fetched."""

    source_uri: str
    manifest_uri: str
    inventory_uri: str
    images_uri: str
    rejects_uri: str
    feature_store_uri: str
    sample_limit: int | None
    label_pattern: str
    labels: str | None
    unknown_labels: str

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            facts_by(self.label_pattern)
        except LabelsError as error:
            raise ArgumentError(
                "--label-pattern", self.label_pattern, f"a pattern that can be used: {error}"
            ) from error


def parse_ingest_arguments(argv: Sequence[str]) -> IngestArguments:
    """Return the arguments; raises CommandLineError or ArgumentError."""
    return JobArgumentParser(stage_named(INGEST)).parse_into(IngestArguments, argv)
