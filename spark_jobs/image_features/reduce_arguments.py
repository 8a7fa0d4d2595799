"""The command line of `reduce_features`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_features.arguments import JobArgumentParser, JobArguments
from image_features.errors import ArgumentError
from image_features.objects import split_uri

FORMATS = ("parquet", "csv")


@dataclass(frozen=True, kw_only=True)
class ReduceArguments(JobArguments):
    features_uri: str
    model_uri: str
    pca_features_uri: str
    pca_features_csv_uri: str
    pca_components: int | None
    explained_variance: float | None
    formats: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        for uri in (self.features_uri, self.model_uri, self.pca_features_uri, self.pca_features_csv_uri):
            split_uri(uri)
        asked = (self.pca_components, self.explained_variance)
        if asked.count(None) != 1:
            raise ArgumentError("--pca-components, --explained-variance", asked, "exactly one of the two")
        if self.pca_components is not None and self.pca_components < 1:
            raise ArgumentError("--pca-components", self.pca_components, "a whole number of at least 1")
        if self.explained_variance is not None and not 0 < self.explained_variance <= 1:
            raise ArgumentError("--explained-variance", self.explained_variance, "a number above 0 and at most 1")
        if "parquet" not in self.formats or not set(self.formats) <= set(FORMATS):
            raise ArgumentError("--formats", ",".join(self.formats), "parquet, or parquet,csv")


def parse_reduce_arguments(argv: Sequence[str]) -> ReduceArguments:
    parser = JobArgumentParser("reduce_features", "Standardizes the features and reduces them by PCA.")
    parser.add_argument("--features-uri", required=True)
    parser.add_argument("--model-uri", required=True)
    parser.add_argument("--pca-features-uri", required=True)
    parser.add_argument("--pca-features-csv-uri", required=True)
    parser.add_argument("--pca-components", type=int, help="so many components")
    parser.add_argument("--explained-variance", type=float, help="as many as reach this share of the variance")
    parser.add_argument("--formats", type=_formats, default=("parquet",), help="parquet, or parquet,csv")
    return parser.parse_into(ReduceArguments, argv)


def _formats(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
