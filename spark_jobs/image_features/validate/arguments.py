"""The command line of `validate_run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser, JobArguments
from image_features.storage.objects import split_uri

MAX_REJECT_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class ValidateArguments(JobArguments):
    manifest_uri: str
    rejects_uri: str
    features_uri: str
    model_uri: str
    pca_features_uri: str
    report_uri: str
    stats_prefix_uri: str
    published_uri: str
    max_reject_share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in vars(self).items():
            if name.endswith("_uri"):
                split_uri(value)
        if not 0 <= self.max_reject_share <= 1:
            raise ArgumentError("--max-reject-share", self.max_reject_share, "a number from 0 to 1")

    @property
    def run_uri(self) -> str:
        """The run's folder, in which the report lies."""
        return self.report_uri.rpartition("/")[0]


def parse_validate_arguments(argv: Sequence[str]) -> ValidateArguments:
    parser = JobArgumentParser("validate_run", "Checks everything that the run wrote, and writes the report.")
    for name in ("manifest", "rejects", "features", "model", "pca-features", "report", "stats-prefix", "published"):
        parser.add_argument(f"--{name}-uri", required=True)
    parser.add_argument("--max-reject-share", type=float, default=MAX_REJECT_SHARE, help="0.05 is 5 %%")
    return parser.parse_into(ValidateArguments, argv)
