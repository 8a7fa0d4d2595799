"""What published/latest.json says, made from a run's audit; nothing here touches S3."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from emr_pipeline.errors import ReportRefusedError
from emr_pipeline.layout import RunLayout

SCHEMA_VERSION = 1


def snapshot_of(
    layout: RunLayout,
    dag_run_id: str,
    validation: Mapping[str, Any] | None,
    stats: Mapping[str, Mapping[str, Any] | None],
    formats: list[str],
    published_at: datetime,
) -> dict[str, Any]:
    """The snapshot that a run makes; ReportRefusedError unless its audit passed and every stage is complete.

    `stats` are the stages' statistics by stage, null for one that has none.
    """
    checked = _passed(layout, validation)
    incomplete = [stage for stage, of_stage in stats.items() if of_stage is None]
    if incomplete:
        raise ReportRefusedError(
            f"{layout.run_uri}: {', '.join(incomplete)} left no statistics, so the stage is not complete; clear it"
        )
    counts = {
        stage: {name: of_stage.get(name) for name in ("rows_in", "rows_out", "rejects")}
        for stage, of_stage in stats.items()
        if of_stage is not None
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "snapshot": snapshot_id(layout, checked),
        "run": layout.run,
        "dag_run_id": dag_run_id,
        "run_uri": layout.run_uri,
        **_uris(layout, formats),
        "counts": counts,
        "summary": checked.get("summary", {}),
        "published_at": published_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "previous": None,
    }


def snapshot_id(layout: RunLayout, validation: Mapping[str, Any]) -> str:
    """The same run with the same audit is the same snapshot, however often it is published."""
    audit = json.dumps([layout.run_uri, validation], sort_keys=True)
    return hashlib.sha256(audit.encode()).hexdigest()[:16]


def would_overwrite(published: Mapping[str, Any] | None, layout: RunLayout, dag_run_id: str) -> bool:
    """Whether a run would write over what readers read; the DAG run that published it may repeat its own stages."""
    if published is None:
        return False
    return bool(published["run_uri"] == layout.run_uri and published.get("dag_run_id") != dag_run_id)


def following(snapshot: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
    """The snapshot, with the one that it takes the place of as `previous`."""
    return {**snapshot, "previous": current["snapshot"] if current else None}


def _passed(layout: RunLayout, validation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if validation is None:
        raise ReportRefusedError(f"{layout.validation_uri} is not there: clear validate_run")
    if validation.get("verdict") != "passed":
        failed = [check["name"] for check in validation.get("checks", []) if check.get("verdict") == "failed"]
        raise ReportRefusedError(
            f"{layout.run_uri} did not pass its audit ({', '.join(failed) or 'no check is named'}): read "
            f"{layout.report_page_uri}; what is published stays as it is"
        )
    return validation


def _uris(layout: RunLayout, formats: list[str]) -> dict[str, str]:
    folders = ["manifest", "images", "rejects", "features", "pca_features", "model"]
    if "csv" in formats:
        folders.append("pca_features_csv")
    return {f"{folder}_uri": layout.uri(folder) for folder in folders} | {"report_uri": layout.report_page_uri}
