"""The first two stages as the DAG runs them, one run after another on one source and one feature store."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import featurize_images
import ingest_images
from image_features.featurize.batches import PredictFn
from image_features.job.run_job import run_job
from image_features.networks import export
from image_features.networks.arguments import NetworkArguments
from image_features.networks.export import ExportedNetwork
from image_features.networks.weights import FoundWeights
from image_features.schemas import FEATURES, IMAGES, LOOKS, MANIFEST, REJECTS
from image_features.storage import objects
from image_features.storage.datasets import read_dataset

SCHEMAS = {"manifest": MANIFEST, "images": IMAGES, "features": FEATURES, "looks": LOOKS, "rejects": REJECTS}


def make_mean_colors() -> Callable[[], PredictFn]:
    """Instead of a network, what numpy can check: the mean of each channel. (Lambdas reach workers by value.)"""
    return lambda: lambda pixels: pixels.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)


@dataclass(frozen=True)
class Run:
    """A run named `run` under `prefix_uri`, which also holds the source, the models and the feature store."""

    prefix_uri: str
    run: str = "run"

    @property
    def uri(self) -> str:
        return f"{self.prefix_uri}/runs/{self.run}"

    @property
    def store_uri(self) -> str:
        return f"{self.prefix_uri}/feature_store"

    def put(self, contents: Mapping[str, bytes]) -> None:
        for path, content in contents.items():
            objects.write_bytes(f"{self.prefix_uri}/source/{path}", content)

    def remove(self, *paths: str) -> None:
        for path in paths:
            objects.delete(f"{self.prefix_uri}/source/{path}")

    def ingest(self, *more: str) -> int:
        own = [f"--source-uri={self.prefix_uri}/source", f"--inventory-uri={self.uri}/inventory.csv.gz"]
        arguments = [*own, *self._shared("ingest_images"), *more]
        return run_job("ingest_images", ingest_images.parse_ingest_arguments, ingest_images.ingest_images, arguments)

    def featurize(self, *more: str) -> int:
        own = [f"--features-uri={self.uri}/features", f"--looks-uri={self.uri}/looks"]
        arguments = [*own, *self._shared("featurize_images"), *more]
        work, parse = featurize_images.featurize_images, featurize_images.parse_featurize_arguments
        return run_job("featurize_images", parse, work, arguments)

    def both(self, *more: str) -> "Run":
        assert self.ingest(*more) == 0
        assert self.featurize(*more) == 0
        return self

    def rows(self, spark: SparkSession, name: str) -> dict[str, Any]:
        """Those of a dataset, by their path under the source."""
        rows = read_dataset(spark, f"{self.uri}/{name}", SCHEMAS[name]).collect()
        by_path = {row.uri.removeprefix(f"{self.prefix_uri}/source/"): row for row in rows}
        assert len(by_path) == len(rows)
        return by_path

    def features(self, spark: SparkSession) -> dict[str, tuple[Any, ...]]:
        return {path: tuple(row) for path, row in self.rows(spark, "features").items()}

    def from_scratch(self, *more: str) -> "Run":
        """A run of the same source, with a feature store of its own."""
        fresh = Run(self.prefix_uri, f"{self.run}-fresh")
        return fresh.both(*more, f"--feature-store-uri={self.prefix_uri}/empty-store-{self.run}")

    def stats(self, stage: str) -> dict[str, Any]:
        return objects.read_json(f"{self.uri}/stats/{stage}.json")

    def vectors(self) -> dict[str, int]:
        return self.stats("featurize_images")["details"]["vectors"]

    def _shared(self, stage: str) -> list[str]:
        uris = [f"--{name}-uri={self.uri}/{name}" for name in ("manifest", "images", "rejects")]
        uris += [f"--feature-store-uri={self.store_uri}", f"--models-uri={self.prefix_uri}/models"]
        return [*uris, f"--stats-uri={self.uri}/stats/{stage}.json", f"--progress-uri={self.uri}/progress/{stage}.json"]


def use_predict_fn(monkeypatch: pytest.MonkeyPatch, make_predict_fn: Callable[[], PredictFn]) -> None:
    """All else stays as it is, weights' identity too; but no network is made, which nothing would ask."""
    monkeypatch.setattr(featurize_images, "ship", lambda *_: make_predict_fn)
    monkeypatch.setattr(export, "in_own_process", _no_network)


def _no_network(
    work: Callable[..., Any], asked: NetworkArguments, weights: FoundWeights, folder: Path
) -> ExportedNetwork:
    sha256 = weights.sha256 or hashlib.sha256(f"{asked.backbone} {weights.source}".encode()).hexdigest()
    path = folder / "network.txt"
    path.write_text(sha256)
    return ExportedNetwork([path], sha256)
