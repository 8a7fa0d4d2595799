"""Readers are taken back to an earlier snapshot, once, with who and why; what goes on meanwhile stays right."""

from datetime import UTC, datetime
from typing import Any

import pytest

from emr_pipeline.errors import PipelineError, RollbackRefusedError, TakenBackError
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.snapshots.remove import remove_old_runs
from emr_pipeline.snapshots.rollback import (
    Rollback,
    refuse_taken_back,
    roll_back,
    rollback_text,
    taken_back_from,
)
from emr_pipeline.snapshots.store import Published
from tests.plugins.published_runs import BUCKET, keys, latest, publish_run, put, read

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


def back(s3: Any, snapshot: dict[str, Any], dag_run_id: str = "manual__1", why: str | None = "bad labels") -> Any:
    return roll_back(Published(s3, BUCKET), Rollback(snapshot["snapshot"], dag_run_id, AT, "ana", why))


def document(s3: Any, snapshot: dict[str, Any]) -> Any:
    return read(s3, f"published/{snapshot['snapshot']}.json")


@pytest.fixture
def runs(s3: Any) -> list[dict[str, Any]]:
    return [publish_run(s3, f"r{number}", number) for number in range(3)]


def test_pointer_and_document_say_who_went_back_when_why_and_from_where(s3: Any, runs: list[Any]) -> None:
    entry = {"instead_of": runs[2]["snapshot"], "at": "2026-11-27T12:00:00Z", "by": "ana", "dag_run_id": "manual__1"}

    assert back(s3, runs[1]) == runs[1] | {"rollbacks": [entry | {"why": "bad labels"}]} == latest(s3)

    assert document(s3, runs[1]) == latest(s3)
    assert document(s3, runs[2]) == runs[2]
    assert rollback_text(latest(s3)).endswith("at 2026-11-27T12:00:00Z by ana in the run manual__1: bad labels")


def test_a_repeated_task_changes_nothing_and_completes_the_document(s3: Any, runs: list[Any]) -> None:
    back(s3, runs[1])
    put(s3, f"published/{runs[1]['snapshot']}.json", runs[1])  # as if the first attempt had died in between

    assert back(s3, runs[1]) == latest(s3) == document(s3, runs[1])
    assert len(latest(s3)["rollbacks"]) == 1


def test_one_may_go_back_and_forward_and_every_time_is_kept(s3: Any, runs: list[Any]) -> None:
    back(s3, runs[0], "1")
    back(s3, runs[2], "2")
    back(s3, runs[0], "3")

    assert [entry["dag_run_id"] for entry in latest(s3)["rollbacks"]] == ["1", "3"]
    assert [found["run"] for found in taken_back_from(Published(s3, BUCKET), latest(s3))] == ["r2"]


def test_after_going_back_the_next_run_follows_and_old_runs_go_in_their_order(s3: Any, runs: list[Any]) -> None:
    back(s3, runs[0])
    assert remove_old_runs(Published(s3, BUCKET), 2, RunLayout(BUCKET, "x")) == [runs[1]["snapshot"]]
    assert keys(s3, "runs/r0/") and keys(s3, "runs/r2/")

    new = publish_run(s3, "r3", 3)
    assert new["previous"] == runs[0]["snapshot"]
    assert remove_old_runs(Published(s3, BUCKET), 2, RunLayout(BUCKET, "x")) == [runs[2]["snapshot"]]
    assert keys(s3, "runs/r0/") and keys(s3, "runs/r3/")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("unknown", "there is no snapshot of this name"),
        ("current", r"already \(published by the run r2\)"),
        ("removed", "its files were removed at 2026-11-20T12:00:00Z"),
        ("statistics", "does not hold the audit and the statistics"),
        ("audit", "does not hold the audit and the statistics"),
        ("model", "nothing lies at s3://pictures/runs/r1/model"),
        ("report", "nothing lies at s3://pictures/runs/r1/report/index.html"),
    ],
)
def test_a_snapshot_that_is_not_whole_is_refused_with_those_that_are(
    s3: Any, runs: list[Any], spoil: str, says: str
) -> None:
    target = {"unknown": {"snapshot": "latest"}, "current": runs[2]}.get(spoil, runs[1])
    if spoil == "removed":
        put(s3, f"published/{target['snapshot']}.json", target | {"removed_at": "2026-11-20T12:00:00Z"})
    gone = {
        "statistics": "stats/reduce_features.json",
        "audit": "report/validation.json",
        "report": "report/index.html",
    }
    gone["model"] = "model/part-0.parquet"
    if spoil in gone:
        s3.delete_object(Bucket=BUCKET, Key=f"runs/r1/{gone[spoil]}")

    with pytest.raises(RollbackRefusedError, match=says) as refusal:
        back(s3, target)

    assert runs[0]["snapshot"] in str(refusal.value)
    assert latest(s3) == runs[2]


def test_where_nothing_is_published_there_is_no_way_back(s3: Any) -> None:
    with pytest.raises(RollbackRefusedError, match="nothing is published"):
        back(s3, {"snapshot": "a"})


@pytest.mark.parametrize("other", ["a rollback", "a run"])
def test_of_two_at_once_one_wins_and_the_other_says_so(
    s3: Any, runs: list[Any], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Published.keep

    def overtaken(self: Published, snapshot: Any) -> None:
        monkeypatch.setattr(Published, "keep", keep)
        back(s3, runs[0], "the other") if other == "a rollback" else publish_run(s3, "r3", 3)
        keep(self, snapshot)

    monkeypatch.setattr(Published, "keep", overtaken)
    says = "taken back .* by ana in the run the other" if other == "a rollback" else "published by the run r3"

    with pytest.raises(RollbackRefusedError, match=f"somebody else was first: .*{says}"):
        back(s3, runs[1])

    assert latest(s3)["run"] == ("r0" if other == "a rollback" else "r3")
    assert "rollbacks" not in document(s3, runs[1])


@pytest.mark.parametrize("mark", [{"removed_at": "2026-11-27T12:00:00Z"}, {}])
def test_a_removal_that_begins_at_that_moment_and_the_rollback_notice_each_other(
    s3: Any, runs: list[Any], mark: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    point = Published.point

    def marked_meanwhile(self: Published, change: Any) -> Any:
        monkeypatch.setattr(Published, "point", point)
        put(s3, f"published/{runs[1]['snapshot']}.json", runs[1] | mark)
        return point(self, change)

    monkeypatch.setattr(Published, "point", marked_meanwhile)
    if mark:
        with pytest.raises(RollbackRefusedError, match="remove_old_runs has just begun"):
            back(s3, runs[1])
        assert latest(s3) == runs[2]
        assert document(s3, runs[1])["removed_at"]
    else:
        assert back(s3, runs[1])["run"] == latest(s3)["run"] == "r1"


def test_a_run_that_knew_of_the_rollback_publishes_and_one_that_did_not_is_refused(s3: Any, runs: list[Any]) -> None:
    refuse_taken_back(latest(s3), "", "s3://pictures/runs/r3")
    found = back(s3, runs[1])

    refuse_taken_back(found, "manual__1", "s3://pictures/runs/r3")
    with pytest.raises(TakenBackError, match=r"by ana .*bad labels; publishing s3://pictures/runs/r3 would undo that"):
        refuse_taken_back(found, "", "s3://pictures/runs/r3")


def test_what_is_refused_is_a_refusal_for_good() -> None:
    assert issubclass(RollbackRefusedError, PipelineError)
    assert issubclass(TakenBackError, PipelineError)
