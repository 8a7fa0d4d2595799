"""The command line of `reduce_features`."""

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser, JobArguments
from run_contract.param_queries import param_named
from run_contract.stages import REDUCE, stage_named


@dataclass(frozen=True, kw_only=True)
class ReduceArguments(JobArguments):
    """Where the features and their model lie, and which model reduces them."""

    features_uri: str
    model_uri: str
    pca_features_uri: str
    pca_features_csv_uri: str
    stats_prefix_uri: str
    published_uri: str
    pca_components: int | None
    explained_variance: float | None
    formats: tuple[str, ...]
    reduce: str = param_named("reduce").default
    refit_share: float = param_named("refit_share").default
    refit_drift: float = param_named("refit_drift").default

    def __post_init__(self) -> None:
        super().__post_init__()
        asked = (self.pca_components, self.explained_variance)
        if asked.count(None) != 1:
            raise ArgumentError("--pca-components, --explained-variance", asked, "exactly one of the two")


def parse_reduce_arguments(argv: Sequence[str]) -> ReduceArguments:
    """Return the arguments; raises CommandLineError or ArgumentError."""
    return JobArgumentParser(stage_named(REDUCE)).parse_into(ReduceArguments, argv)
