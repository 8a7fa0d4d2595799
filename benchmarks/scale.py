"""Every stage but the network on drawn rows: seconds, memory and bytes against the number of rows.

Photographs are files without content, whose ETags the endpoint is told. All that a run would compute of them is in the
feature store. Each number of rows is two runs: all of it, and then 1 % more next to what was published.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import psutil

from benchmarks.cluster import BenchCluster
from benchmarks.drawn import SIZE_BYTES, Batch, etag
from benchmarks.materials import layout, make_weights, run_in_spark_environment
from benchmarks.results import Result, values, variants
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES, step
from emr_pipeline.snapshots.snapshot import Origin, snapshot_of
from local_aws.s3.files.catalog import Catalog, FileVersion, ObjectFacts
from local_aws.s3.files.store import OWN_FOLDER
from run_contract.params import PARAMS
from tools.local.home import BUCKET, LocalHome

BACKBONE = "mobilenet_v2"
NEW = "1 % new"
NEW_SHARE = 100
# The rest of a bench's bucket, such as weights and code, is of use to the next one.
MADE = ("feature_store", "published", "landing/{name}", "runs/{name}", "runs/{name}-new")


@dataclass(frozen=True)
class Scale:
    """One number of rows on one cluster."""

    cluster: BenchCluster
    rows: int
    code_uri: str

    @property
    def name(self) -> str:
        return f"scale-{self.rows}"

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The params of both runs, which are those of the form but for the source and the weights."""
        weights = make_weights(self.cluster.home, BACKBONE)
        chosen = {
            "source_uri": f"s3://{BUCKET}/landing/{self.name}",
            "backbone": BACKBONE,
            "weights": f"s3://{BUCKET}/models/{weights.name}",
        }
        return {param.name: param.default for param in PARAMS} | chosen

    def measure(self, has_new: bool, wanted: Sequence[str] = (), keeps: bool = False) -> Iterator[dict[str, Any]]:
        """Measure the four stages on all rows, and with `has_new` once more with 1 % more of them.

        Of the first run only the stages whose name holds one of the words `wanted`; all if there are none. A
        measurement that `keeps` what it made is gone on with by the next one of as many rows.
        """
        home, made = self.cluster.home, self.cluster.home.root / f"{self.name}.made"
        if not made.exists():
            forget(home, self.name)
            self._place(Batch(0, self.rows))
            made.touch()
        try:
            yield from self._run(layout(self.name), "", wanted)
            if has_new:
                self._publish(layout(self.name))
                self._place(Batch(self.rows, self.rows // NEW_SHARE))
                yield from self._run(layout(f"{self.name}-new"), f", {NEW}")
        finally:
            if not keeps:
                made.unlink()
                forget(home, self.name)

    def _run(self, run: RunLayout, suffix: str, wanted: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        endpoint = psutil.Process(self.cluster.endpoint.pid)
        for stage in (stage for stage in STAGES if not wanted or any(word in stage.name for word in wanted)):
            began, before = time.time(), endpoint.io_counters().read_chars
            measured = self.cluster.run(stage.name, step(stage, run, self.params, self.code_uri))
            read_bytes = endpoint.io_counters().read_chars - before
            passed = {"read_mib": read_bytes, "written_mib": written_since(self.cluster.home, began)}
            passed = {name: round(count / 2**20, 1) for name, count in passed.items()}
            yield {"variant": f"{stage.name}{suffix}", **measured, **passed}

    def _place(self, batch: Batch) -> None:
        """Make the photographs of the listing, and all that the store knows of them."""
        home = self.cluster.home
        place_objects(home, f"landing/{self.name}", batch)
        words = [f"--{name}={self.params[name]}" for name in ("backbone", "weights")]
        with make_weights(home, BACKBONE).open("rb") as weights:
            sha256 = hashlib.file_digest(weights, "sha256").hexdigest()
        words += [f"--store-uri={layout(self.name).uri('feature_store')}", f"--weights-sha256={sha256}"]
        run_in_spark_environment(home, "make_store.py", *words, f"--first={batch.first}", f"--count={batch.count}")

    def _publish(self, run: RunLayout) -> None:
        """Write the pointer as `publish` does, so that the next run compares itself with this one."""
        folder = self.cluster.home.bucket_path / "runs" / run.run
        stats = {stage.name: json.loads((folder / "stats" / f"{stage.name}.json").read_text()) for stage in STAGES}
        validation = json.loads((folder / "report" / "validation.json").read_text())
        origin = Origin.of(self.params, self.code_uri, weights_etag=None)
        snapshot = snapshot_of(run, "benchmark", origin, validation, stats, datetime.now(UTC))
        pointer = self.cluster.home.bucket_path / "published" / "latest.json"
        pointer.parent.mkdir(exist_ok=True)
        pointer.write_text(json.dumps(snapshot), encoding="utf-8")


def place_objects(home: LocalHome, folder: str, batch: Batch) -> None:
    """Make files without content below the bucket, and tell the endpoint's catalog the ETag of each.

    A file of zeros that was never written takes no room on the disk.
    """
    own = home.s3_path / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    with closing(Catalog(own / "objects.sqlite")) as catalog:
        for number in batch.numbers():
            key = f"{folder}/{batch.path(number)}"
            path = home.bucket_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(SIZE_BYTES)
                version = FileVersion.of(os.fstat(file.fileno()))
            catalog.record(BUCKET, key, version, ObjectFacts(etag(number)))


def written_since(home: LocalHome, moment: float) -> int:
    """Return the bytes of what a step wrote into the bucket; the photographs are not its work, and are many."""
    folders = [folder for folder in home.bucket_path.iterdir() if folder.name not in ("landing", "logs")]
    statuses = [path.stat() for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sum(status.st_size for status in statuses if status.st_mtime >= moment)


def forget(home: LocalHome, name: str) -> None:
    """Remove what a measurement left: a million rows take 15 GB."""
    for path in MADE:
        shutil.rmtree(home.bucket_path / path.format(name=name), ignore_errors=True)


HEADER = [
    *("rows", "stage", "seconds", "processor time, s", "driver, MiB", "JVM, MiB", "largest worker, MiB"),
    *("read, MiB", "written, MiB"),
]
_FIGURES = ("cpu_s", "driver_peak_mib", "jvm_peak_mib", "worker_peak_mib", "read_mib", "written_mib")


def rows(results: list[Result]) -> list[list[str]]:
    """Return the rows of the table, by the number of rows; of several rounds the highest of each figure."""
    return [
        [
            f"{result['rows']:,}",
            variant,
            f"{max(values(result, variant)):.1f}",
            *(f"{max(values(result, variant, figure)):,.0f}" for figure in _FIGURES),
        ]
        for result in sorted(results, key=lambda result: result["rows"])
        for variant in variants(result)
    ]
