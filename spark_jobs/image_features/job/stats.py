"""The stats of a stage: the document that it writes when it is complete."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from typing import Any

_PACKAGES = (
    "pyspark",
    "numpy",
    "pyarrow",
    "pillow",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "openvino",
    "scikit-learn",
    "boto3",
)


@dataclass(frozen=True)
class StageStats:
    """Counts of one stage; the rest of its stats is the same for every stage."""

    rows_in: int
    rows_out: int
    rejects: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def stats_document(
    stage: str,
    stats: StageStats,
    arguments: Mapping[str, Any],
    spark_version: str,
    started: datetime,
    finished: datetime,
) -> dict[str, Any]:
    """Return the document that is written as the stats of a stage."""
    return {
        "stage": stage,
        "rows_in": stats.rows_in,
        "rows_out": stats.rows_out,
        "rejects": dict(stats.rejects),
        "seconds": round((finished - started).total_seconds(), 3),
        "started_at": _iso(started),
        "finished_at": _iso(finished),
        "arguments": dict(arguments),
        "versions": _versions(spark_version),
        "details": dict(stats.details),
    }


def _versions(spark_version: str) -> dict[str, str]:
    # Versions are read from the installed packages: to import TensorFlow for its version would take seconds.
    versions = {"python": platform.python_version(), "spark": spark_version}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
