"""What people read of a publication, and when rejects count as a surge."""

from typing import Any

import pytest

from emr_pipeline.snapshots.news import publication, surge_of_rejects


def snapshot(name: str, rejects: int = 0, images: int = 1000, **summary: Any) -> dict[str, Any]:
    return {
        "snapshot": name,
        "run": f"run-{name}",
        "run_uri": f"s3://b/runs/{name}",
        "rejects_uri": f"s3://b/runs/{name}/rejects",
        "report_uri": f"s3://b/runs/{name}/report/index.html",
        "summary": {"images": images, "rejects": rejects, "reject_share": rejects / (images + rejects), **summary},
        "counts": {"ingest_images": {"rejects": {"decode_failed": rejects, "ignored_object": 1}}},
        "vectors": {"computed": 50, "reused": 950},
        "model": {"action": "refit", "why": "as asked"},
    }


def test_a_publication_says_counts_accuracy_drift_and_warnings_against_the_one_before() -> None:
    before = snapshot("old", images=950, knn_accuracy=0.91)
    checks = [
        {"name": "drift_psi", "verdict": "warned", "value": 0.4, "limit": 0.25, "advice": "look at it"},
        {"name": "model_drift", "verdict": "skipped", "value": None, "limit": None, "advice": "refitted"},
        {"name": "knn_accuracy", "verdict": "warned", "value": 0.8, "limit": 0.9, "advice": "guesses"},
    ]

    costs = {"forecast": {"size": "small", "minutes": 16.4, "dollars": 0.4}, "cost_so_far": 0.351}

    text = publication(snapshot("new", knn_accuracy=0.8) | costs, before, {"checks": checks}).text

    assert "Before it: snapshot old of run run-old." in text
    assert "photographs with features: 1,000 (950 before)" in text
    assert "accuracy of nearest neighbors: 80.0% (91.0% before)" in text
    assert "vectors: 50 computed, 950 known before" in text
    assert "forecast: 16 minutes, 0.40 dollars (small)" in text
    assert "cost until now: 0.35 dollars; costs/run-new.json has all of it" in text
    assert "drift_psi: 0.4 (at most 0.25)" in text
    assert "model_drift" not in text
    assert "warning of knn_accuracy: guesses" in text


def test_a_first_publication_has_nothing_to_be_compared_with() -> None:
    text = publication(snapshot("new"), None, {}).text

    assert "Nothing was before it." in text
    assert "photographs with features: 1,000\n" in text


@pytest.mark.parametrize(
    ("before", "now", "is_surge"),
    [(0, 9, False), (0, 10, True), (20, 30, False), (20, 39, False), (20, 45, True), (45, 20, False)],
)
def test_rejects_surge_when_they_are_ten_more_and_their_share_has_doubled(
    before: int, now: int, is_surge: bool
) -> None:
    found = surge_of_rejects(snapshot("new", now), snapshot("old", before))

    assert (found is not None) is is_surge
    if found:
        assert f"{now} decode_failed" in found.text
        assert "ignored_object" not in found.text
        assert f"{before} (" in found.text


def test_a_first_publication_has_no_surge() -> None:
    assert surge_of_rejects(snapshot("new", 900), None) is None
