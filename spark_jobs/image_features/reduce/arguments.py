"""The command line of `reduce_features`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.errors import ArgumentError
from image_features.job.arguments import JobArgumentParser, JobArguments
from image_features.storage.objects import split_uri

FORMATS = ("parquet", "csv")
# `auto` projects as long as neither limit is passed: REFIT_SHARE of rows that are new since the model was fitted,
# REFIT_DRIFT of variance that a new model would keep and the old one does not.
REDUCE = ("refit", "project", "auto")
REFIT_SHARE = 0.1
REFIT_DRIFT = 0.02


@dataclass(frozen=True, kw_only=True)
class ReduceArguments(JobArguments):
    features_uri: str
    model_uri: str
    pca_features_uri: str
    pca_features_csv_uri: str
    stats_prefix_uri: str
    published_uri: str
    pca_components: int | None
    explained_variance: float | None
    formats: tuple[str, ...]
    reduce: str = "refit"
    refit_share: float = REFIT_SHARE
    refit_drift: float = REFIT_DRIFT

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in vars(self).items():
            if name.endswith("_uri"):
                split_uri(value)
        self._refuse_wrong_components()
        if "parquet" not in self.formats or not set(self.formats) <= set(FORMATS):
            raise ArgumentError("--formats", ",".join(self.formats), "parquet, or parquet,csv")
        if self.reduce not in REDUCE:
            raise ArgumentError("--reduce", self.reduce, f"one of {', '.join(REDUCE)}")
        for option, value in (("--refit-share", self.refit_share), ("--refit-drift", self.refit_drift)):
            if not 0 <= value <= 1:
                raise ArgumentError(option, value, "a number from 0 to 1")

    @property
    def run_uri(self) -> str:
        """The run's folder, in which the stats lie."""
        return self.stats_prefix_uri.rpartition("/")[0]

    def _refuse_wrong_components(self) -> None:
        asked = (self.pca_components, self.explained_variance)
        if asked.count(None) != 1:
            raise ArgumentError("--pca-components, --explained-variance", asked, "exactly one of the two")
        if self.pca_components is not None and self.pca_components < 1:
            raise ArgumentError("--pca-components", self.pca_components, "a whole number of at least 1")
        if self.explained_variance is not None and not 0 < self.explained_variance <= 1:
            raise ArgumentError("--explained-variance", self.explained_variance, "a number above 0 and at most 1")


def parse_reduce_arguments(argv: Sequence[str]) -> ReduceArguments:
    parser = JobArgumentParser("reduce_features", "Standardizes the features and reduces them by PCA.")
    for name in ("features", "model", "pca-features", "pca-features-csv", "stats-prefix", "published"):
        parser.add_argument(f"--{name}-uri", required=True)
    parser.add_argument("--pca-components", type=int, help="so many components")
    parser.add_argument("--explained-variance", type=float, help="as many as reach this share of the variance")
    parser.add_argument("--formats", type=_formats, default=("parquet",), help="parquet, or parquet,csv")
    parser.add_argument("--reduce", default="refit", help="refit a model, project on the published one, or auto")
    parser.add_argument("--refit-share", type=float, default=REFIT_SHARE, help="of new rows, above which auto refits")
    parser.add_argument("--refit-drift", type=float, default=REFIT_DRIFT, help="of variance, above which auto refits")
    return parser.parse_into(ReduceArguments, argv)


def _formats(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
