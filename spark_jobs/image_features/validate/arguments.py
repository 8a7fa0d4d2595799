"""The command line of `validate_run`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.job.arguments import JobArgumentParser, JobArguments
from run_contract.stages import VALIDATE, stage_named


@dataclass(frozen=True, kw_only=True)
class ValidateArguments(JobArguments):
    """What is checked, what it is compared with, and where the report goes."""

    manifest_uri: str
    rejects_uri: str
    features_uri: str
    looks_uri: str
    model_uri: str
    pca_features_uri: str
    groups_uri: str
    suspects_uri: str
    report_uri: str
    stats_prefix_uri: str
    published_uri: str
    max_reject_share: float
    duplicate_likeness: float
    groups_from: str | None = None


def parse_validate_arguments(argv: Sequence[str]) -> ValidateArguments:
    """Return the arguments; raises CommandLineError or ArgumentError."""
    return JobArgumentParser(stage_named(VALIDATE)).parse_into(ValidateArguments, argv)
