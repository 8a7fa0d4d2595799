"""Runs of made-up features, reduced and published as the stage and `publish` do it, for tests of run after run."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from image_features.job.progress import ProgressReporter
from image_features.job.stats import StageStats
from image_features.reduce.arguments import ReduceArguments
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from reduce_features import reduce_features
from tests.spark_jobs.conftest import BUCKET
from tests.spark_jobs.stored_datasets import write_dataset
from tests.spark_jobs.synthetic import feature_like, features_table, to_frame, vectors_in

IDENTITY = {"backbone": "mobilenet_v2", "precision": "float32", "resize": "bilinear", "weights_sha256": "ab" * 32}
WIDTH, COMPONENTS = 20, 6
_FIRST: dict[str, StageStats] = {}


def photographs(rows: int, seed: int = 0, width: int = WIDTH) -> pa.Table:
    """Rows of FEATURES with URIs 0000.jpg, 0001.jpg...; more rows are the same ones and others after them."""
    vectors = feature_like(2000, width, seed)[:rows]
    return features_table(vectors, np.full(rows, "Apple", object), np.full(rows, "Training", object))


def changed(table: pa.Table, rows: list[int], seed: int = 5) -> pa.Table:
    """The same photographs, of which some have another content."""
    etags = table.column("etag").to_pylist()
    vectors = np.array(table.column("features").to_pylist(), np.float32)
    vectors[rows] = feature_like(len(rows), vectors.shape[1], seed)
    names = table.column("label").to_numpy(zero_copy_only=False)
    other = features_table(vectors, names, table.column("split").to_numpy(zero_copy_only=False))
    etags = [f"new-{etag}" if number in rows else etag for number, etag in enumerate(etags)]
    return other.set_column(other.schema.get_field_index("etag"), "etag", pa.array(etags))


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs below one prefix of a bucket and what is published of them."""

    spark: SparkSession
    prefix_uri: str

    @property
    def published_uri(self) -> str:
        return f"{self.prefix_uri}/published/latest.json"

    def uri(self, run: str, folder: str) -> str:
        return f"{self.prefix_uri}/runs/{run}/{folder}"

    def reduce(
        self, run: str, table: pa.Table, reduce: str = "refit", identity: Mapping[str, Any] | None = None, **asked: Any
    ) -> StageStats:
        """Writes the features and stats that the stage reads, and runs it."""
        write_dataset(to_frame(self.spark, table), self.uri(run, "features"), FEATURES)
        details = {"identity": dict(identity or IDENTITY)}
        objects.write_json(self.uri(run, "stats/featurize_images.json"), {"details": details})
        return self.reduce_again(run, reduce, **asked)

    def reduce_again(self, run: str, reduce: str = "refit", **asked: Any) -> StageStats:
        folders = ("features", "model", "pca_features", "pca_features_csv", "stats", "progress")
        given: dict[str, Any] = {f"{name}_uri": self.uri(run, name) for name in folders}
        given |= {"stats_prefix_uri": self.uri(run, "stats"), "published_uri": self.published_uri}
        given |= {"pca_components": COMPONENTS, "explained_variance": None, "formats": ("parquet",), "reduce": reduce}
        arguments = ReduceArguments(**{**given, **asked})
        return reduce_features(self.spark, arguments, ProgressReporter(arguments.progress_uri, "reduce_features"))

    def publish(self, run: str, stats: StageStats, previous: str | None = None, **changes: Any) -> None:
        """As `publish` does it: the snapshot's own document, then the pointer."""
        self._write(self._snapshot(run, stats, previous), changes)

    def publish_first(self, rows: int, **changes: Any) -> StageStats:
        """Publish a run `one` of so many photographs, which is reduced once for all tests and not to be changed."""
        first = Runs(self.spark, f"s3://{BUCKET}/first-{rows}")
        if first.prefix_uri not in _FIRST:
            _FIRST[first.prefix_uri] = first.reduce("one", photographs(rows))
        stats = _FIRST[first.prefix_uri]
        self._write(first._snapshot("one", stats, None), changes)
        return stats

    def _snapshot(self, run: str, stats: StageStats, previous: str | None) -> dict[str, Any]:
        snapshot = {"schema_version": 2, "snapshot": f"snapshot-{run}", "previous": previous}
        snapshot |= {f"{name}_uri": self.uri(run, name) for name in ("features", "model")}
        snapshot |= {"identity": IDENTITY, "model": dict(stats.details["model"])}
        return snapshot | {"params": {"pca_components": COMPONENTS, "explained_variance": None}}

    def _write(self, snapshot: dict[str, Any], changes: dict[str, Any]) -> None:
        document = {name: value for name, value in (snapshot | changes).items() if value is not ...}
        for name in (snapshot["snapshot"], "latest"):
            objects.write_json(f"{self.prefix_uri}/published/{name}.json", document)

    def pca_features(self, run: str) -> np.ndarray:
        """In the order of image_id."""
        return vectors_in(read_dataset(self.spark, self.uri(run, "pca_features"), PCA_FEATURES), "pca_features")
