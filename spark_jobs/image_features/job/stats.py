"""The stats of a stage: the document that it writes when it is complete."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata
from typing import Any

from run_contract.documents import StatsDocument
from run_contract.moments import text_of

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
    "obstore",
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
) -> StatsDocument:
    """Return the document that is written as the stats of a stage."""
    return {
        "stage": stage,
        "rows_in": stats.rows_in,
        "rows_out": stats.rows_out,
        "rejects": dict(stats.rejects),
        "seconds": round((finished - started).total_seconds(), 3),
        "started_at": text_of(started),
        "finished_at": text_of(finished),
        "arguments": dict(arguments),
        "versions": {"python": platform.python_version(), "spark": spark_version, **package_versions(_PACKAGES)},
        "details": dict(stats.details),
    }


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed, and import none: TensorFlow would take seconds."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
