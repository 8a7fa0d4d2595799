"""What is published, made from an audit; and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from emr_pipeline.errors import ReportRefusedError
from emr_pipeline.layout import RunLayout
from emr_pipeline.snapshots import following, snapshot_id, snapshot_of

LAYOUT = RunLayout("b", "r")
PASSED: dict[str, Any] = {"verdict": "passed", "checks": [], "summary": {"images": 10, "components": 2}}
STATS: dict[str, Any] = {
    "ingest_images": {"rows_in": 12, "rows_out": 10, "rejects": {"decode_failed": 2}, "seconds": 1.5},
    "validate_run": {"rows_in": 10, "rows_out": 10, "rejects": {}},
}
CHECK = {"name": "width", "kind": "hard"}
NOON = datetime(2026, 11, 20, 12, 0, 0, 999, tzinfo=UTC)


def test_a_snapshot_says_where_everything_is_and_how_much_of_it() -> None:
    assert snapshot_of(LAYOUT, "manual__1", PASSED, STATS, ["parquet", "csv"], NOON) == {
        "schema_version": 1,
        "snapshot": snapshot_id(LAYOUT, PASSED),
        "run": "r",
        "dag_run_id": "manual__1",
        "run_uri": "s3://b/runs/r",
        "manifest_uri": "s3://b/runs/r/manifest",
        "images_uri": "s3://b/runs/r/images",
        "rejects_uri": "s3://b/runs/r/rejects",
        "features_uri": "s3://b/runs/r/features",
        "pca_features_uri": "s3://b/runs/r/pca_features",
        "pca_features_csv_uri": "s3://b/runs/r/pca_features_csv",
        "model_uri": "s3://b/runs/r/model",
        "report_uri": "s3://b/runs/r/report/index.html",
        "counts": {
            "ingest_images": {"rows_in": 12, "rows_out": 10, "rejects": {"decode_failed": 2}},
            "validate_run": {"rows_in": 10, "rows_out": 10, "rejects": {}},
        },
        "summary": {"images": 10, "components": 2},
        "published_at": "2026-11-20T12:00:00Z",
        "previous": None,
    }


def test_a_run_without_csv_does_not_promise_one() -> None:
    assert "pca_features_csv_uri" not in snapshot_of(LAYOUT, "manual__1", PASSED, STATS, ["parquet"], NOON)


def test_the_same_audit_is_the_same_snapshot_and_another_is_another() -> None:
    again = dict(reversed(list(PASSED.items())))

    assert snapshot_id(LAYOUT, again) == snapshot_id(LAYOUT, PASSED)
    assert snapshot_id(LAYOUT, PASSED | {"summary": {}}) != snapshot_id(LAYOUT, PASSED)
    assert snapshot_id(RunLayout("b", "r2"), PASSED) != snapshot_id(LAYOUT, PASSED)


def test_a_snapshot_names_the_one_before() -> None:
    assert following({"snapshot": "new", "previous": None}, {"snapshot": "old"}) == {
        "snapshot": "new",
        "previous": "old",
    }
    assert following({"snapshot": "new", "previous": None}, None)["previous"] is None


@pytest.mark.parametrize(
    ("validation", "stats", "message"),
    [
        (None, STATS, "report/validation.json is not there: clear validate_run"),
        ({}, STATS, "did not pass its audit"),
        (
            {
                "verdict": "failed",
                "checks": [{"name": "width", "verdict": "failed"}, {"name": "b", "verdict": "passed"}],
            },
            STATS,
            r"did not pass its audit \(width\): read s3://b/runs/r/report/index.html",
        ),
        (PASSED, STATS | {"validate_run": None}, "validate_run left no statistics"),
    ],
)
def test_an_audit_that_did_not_pass_or_is_not_whole_is_refused(validation: Any, stats: Any, message: str) -> None:
    with pytest.raises(ReportRefusedError, match=message):
        snapshot_of(LAYOUT, "manual__1", validation, stats, ["parquet"], NOON)
