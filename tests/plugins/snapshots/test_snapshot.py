"""What is published, made from an audit; and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from emr_pipeline.errors import ReportRefusedError
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.snapshots.snapshot import Origin, snapshot_id, snapshot_of
from tests.plugins.form import PARAMS

LAYOUT = RunLayout("b", "r")
PASSED: dict[str, Any] = {"verdict": "passed", "checks": [], "summary": {"images": 10, "components": 2}}
STATS: dict[str, Any] = {
    "ingest_images": {"rows_in": 12, "rows_out": 10, "rejects": {"decode_failed": 2}, "seconds": 1.5},
    "featurize_images": {
        "rows_in": 10,
        "rows_out": 10,
        "rejects": {},
        "details": {"identity": {"backbone": "mobilenet_v2"}, "vectors": {"computed": 3, "reused": 7}},
    },
    "reduce_features": {"rows_in": 10, "rows_out": 10, "rejects": {}, "details": {"model": {"action": "refit"}}},
    "validate_run": {"rows_in": 10, "rows_out": 10, "rejects": {}},
}
ORIGIN = Origin.of(PARAMS | {"formats": ["parquet", "csv"]}, "s3://b/code/abc", "etag of the weights")
CHECK = {"name": "width", "kind": "hard"}
NOON = datetime(2026, 11, 20, 12, 0, 0, 999, tzinfo=UTC)


def test_a_snapshot_says_where_everything_is_and_how_much_of_it() -> None:
    assert snapshot_of(LAYOUT, "manual__1", ORIGIN, PASSED, STATS, NOON) == {
        "schema_version": 3,
        "snapshot": snapshot_id("s3://b/runs/r", PASSED),
        "run": "r",
        "dag_run_id": "manual__1",
        "run_uri": "s3://b/runs/r",
        "manifest_uri": "s3://b/runs/r/manifest",
        "rejects_uri": "s3://b/runs/r/rejects",
        "features_uri": "s3://b/runs/r/features",
        "pca_features_uri": "s3://b/runs/r/pca_features",
        "pca_features_csv_uri": "s3://b/runs/r/pca_features_csv",
        "model_uri": "s3://b/runs/r/model",
        "inventory_uri": "s3://b/runs/r/inventory.csv.gz",
        "groups_uri": "s3://b/runs/r/groups",
        "looks_uri": "s3://b/runs/r/looks",
        "explorer_uri": "s3://b/runs/r/report/explorer.html",
        "suspects_uri": "s3://b/runs/r/suspects",
        "report_uri": "s3://b/runs/r/report/index.html",
        "source_uri": "s3://pictures/landing",
        "code_uri": "s3://b/code/abc",
        "code_version": "abc",
        "weights_etag": "etag of the weights",
        "labels_etag": None,
        "params": {
            "backbone": "mobilenet_v2",
            "weights": "imagenet",
            "resize": "bilinear",
            "engine": "openvino",
            "precision": "float32",
            "pca_components": 200,
            "explained_variance": None,
            "formats": ["csv", "parquet"],
            "sample_limit": None,
            "label_pattern": "parent",
            "labels": None,
            "max_reject_share": 0.05,
            "reduce": "refit",
            "refit_share": 0.1,
            "refit_drift": 0.02,
            "duplicate_likeness": 0.955,
        },
        "identity": {"backbone": "mobilenet_v2"},
        "vectors": {"computed": 3, "reused": 7},
        "model": {"action": "refit"},
        "counts": {
            "ingest_images": {"rows_in": 12, "rows_out": 10, "rejects": {"decode_failed": 2}},
            "featurize_images": {"rows_in": 10, "rows_out": 10, "rejects": {}},
            "reduce_features": {"rows_in": 10, "rows_out": 10, "rejects": {}},
            "validate_run": {"rows_in": 10, "rows_out": 10, "rejects": {}},
        },
        "summary": {"images": 10, "components": 2},
        "published_at": "2026-11-20T12:00:00Z",
        "previous": None,
    }


def test_a_run_without_csv_does_not_promise_one() -> None:
    origin = Origin.of(PARAMS, "s3://b/code/abc", None)

    assert "pca_features_csv_uri" not in snapshot_of(LAYOUT, "manual__1", origin, PASSED, STATS, NOON)


def test_what_a_stage_did_not_say_is_null() -> None:
    of_version_1 = {stage: {**of_stage, "details": {}} for stage, of_stage in STATS.items()}
    snapshot = snapshot_of(LAYOUT, "manual__1", ORIGIN, PASSED, of_version_1, NOON)

    assert (snapshot["identity"], snapshot["vectors"], snapshot["model"]) == (None, None, None)


def test_the_same_audit_is_the_same_snapshot_and_another_is_another() -> None:
    again, uri = dict(reversed(list(PASSED.items()))), LAYOUT.run_uri

    assert snapshot_id(uri, again) == snapshot_id(uri, PASSED)
    assert snapshot_id(uri, PASSED | {"summary": {}}) != snapshot_id(uri, PASSED)
    assert snapshot_id("s3://b/runs/r2", PASSED) != snapshot_id(uri, PASSED)


@pytest.mark.parametrize(
    ("changed", "code", "weights_etag", "told"),
    [
        ({}, "s3://b/code/v1", None, []),
        ({"run": "other", "cluster_size": "large", "force": True}, "s3://b/code/v1", None, []),
        ({"source_uri": "s3://pictures/landing/"}, "s3://b/code/v1", None, []),
        (
            {"source_uri": "s3://pictures/others"},
            "s3://b/code/v1",
            None,
            ["source_uri is s3://pictures/others, not 's3://pictures/landing'"],
        ),
        ({"pca_components": 64}, "s3://b/code/v1", None, ["pca_components is 64, not 200"]),
        ({"sample_limit": 9}, "s3://b/code/v1", None, ["sample_limit is 9, not None"]),
        ({"reduce": "project"}, "s3://b/code/v1", None, ["reduce is 'project', not 'refit'"]),
        ({}, "s3://b/code/v2", None, ["the code is v2, not 'v1'"]),
        ({}, "s3://b/code/v1", "e2", ["the weights file has changed"]),
    ],
)
def test_what_a_run_is_made_of_differs_from_what_is_published(
    changed: dict[str, Any], code: str, weights_etag: str | None, told: list[str]
) -> None:
    before = snapshot_of(LAYOUT, "manual__1", Origin.of(PARAMS, "s3://b/code/v1", None), PASSED, STATS, NOON)

    assert Origin.of(PARAMS | changed, code, weights_etag).differences(before) == told


def test_a_number_of_components_that_is_not_used_makes_no_difference() -> None:
    with_share = PARAMS | {"explained_variance": 0.9}

    assert Origin.of(with_share, "c", None) == Origin.of(with_share | {"pca_components": 3}, "c", None)


def test_what_a_document_of_version_1_does_not_say_is_a_difference_and_no_error() -> None:
    told = Origin.of(PARAMS, "s3://b/code/v1", None).differences({"schema_version": 1, "snapshot": "old"})

    assert "source_uri is s3://pictures/landing, not known of what is published" in told
    assert "backbone is 'mobilenet_v2', not known of what is published" in told


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
        snapshot_of(LAYOUT, "manual__1", ORIGIN, validation, stats, NOON)
