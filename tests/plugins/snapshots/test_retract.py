"""Readers never follow the pointer to a run whose files are being rewritten, whoever else writes it meanwhile."""

from typing import Any

import pytest

from emr_pipeline.operators import AddStageStepOperator
from emr_pipeline.operators.publish import PublishOperator
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES
from emr_pipeline.snapshots.retract import retract
from emr_pipeline.snapshots.store import OvertakenError, Published
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import (
    BUCKET,
    keys,
    latest,
    make_run,
    needs_conditional_deletes,
    publish_run,
    put,
    read,
)


def take_back(s3: Any, run: str) -> str | None:
    return retract(Published(s3, BUCKET), RunLayout(BUCKET, run))


def document(s3: Any, snapshot: dict[str, Any]) -> Any:
    return read(s3, f"published/{snapshot['snapshot']}.json")


def test_the_pointer_goes_back_to_the_snapshot_before(s3: Any) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)

    told = take_back(s3, "r2")

    assert latest(s3) == first
    assert told is not None
    assert f"snapshot {second['snapshot']} of s3://pictures/runs/r2 is taken back" in told
    assert f"readers see {first['snapshot']} of s3://pictures/runs/r1" in told
    assert document(s3, second).keys() - second.keys() == {"retracted_at"}
    assert document(s3, first) == first


def test_without_an_earlier_snapshot_nothing_is_published_any_more(s3: Any) -> None:
    publish_run(s3, "r1")

    told = take_back(s3, "r1")

    assert latest(s3) is None
    assert told is not None and "nothing is published until this run is" in told


@pytest.mark.parametrize("spoil", ["stats", "audit", "removed", "other audit"])
def test_a_run_that_is_not_whole_any_more_is_passed_over(s3: Any, spoil: str) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)
    if spoil == "stats":
        s3.delete_object(Bucket=BUCKET, Key="runs/r2/stats/reduce_features.json")
    elif spoil == "audit":
        s3.delete_object(Bucket=BUCKET, Key="runs/r2/report/validation.json")
    elif spoil == "removed":
        put(s3, f"published/{second['snapshot']}.json", second | {"removed_at": "2026-11-21T00:00:00Z"})
    else:
        make_run(s3, "r2", images=7)

    take_back(s3, "r3")

    assert latest(s3) == first


def test_a_run_that_is_not_published_changes_nothing(s3: Any) -> None:
    published = publish_run(s3, "r1")
    make_run(s3, "r2")

    assert take_back(s3, "r2") is None
    assert take_back(s3, "r3") is None
    assert latest(s3) == published


def test_an_earlier_snapshot_whose_run_is_repeated_is_marked_and_the_pointer_stays(s3: Any) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)

    assert take_back(s3, "r1") is None
    assert latest(s3) == second
    assert "retracted_at" in document(s3, first)


def test_what_leads_in_a_circle_ends(s3: Any) -> None:
    publish_run(s3, "r1", previous="of r2")
    put(s3, "published/of r2.json", {"snapshot": "of r2", "run_uri": "s3://pictures/runs/r2", "previous": "of r2"})

    take_back(s3, "r1")

    assert latest(s3) is None


def test_what_was_published_before_snapshots_had_documents_can_be_taken_back(s3: Any) -> None:
    put(s3, "published/latest.json", {"snapshot": "v1", "run_uri": "s3://pictures/runs/r1", "previous": "v0"})

    assert take_back(s3, "r1") is not None
    assert latest(s3) is None


def test_taking_back_twice_is_taking_back_once(s3: Any) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    take_back(s3, "r2")
    marked = document(s3, second)

    assert take_back(s3, "r2") is None
    assert latest(s3) == first
    assert document(s3, second) == marked


def test_another_run_that_publishes_in_that_moment_stays_published(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_run(s3, "r1")
    publish_run(s3, "r2", 1)
    point_at = Published.point_at

    def overtaken(self: Published, snapshot: Any, etag: str | None) -> bool:
        publish_run(s3, "r3", 2)
        return point_at(self, snapshot, etag)

    monkeypatch.setattr(Published, "point_at", overtaken)

    assert take_back(s3, "r2") is None
    assert latest(s3)["run"] == "r3"


@needs_conditional_deletes
def test_another_run_that_publishes_while_the_pointer_is_deleted_stays_published(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_run(s3, "r1")
    point_at_nothing = Published.point_at_nothing

    def overtaken(self: Published, etag: str) -> bool:
        publish_run(s3, "r2", 1)
        return point_at_nothing(self, etag)

    monkeypatch.setattr(Published, "point_at_nothing", overtaken)
    take_back(s3, "r1")

    assert latest(s3)["run"] == "r2"


def test_an_earlier_run_that_is_marked_for_removal_in_that_moment_is_given_up_again(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, old = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)
    point_at = Published.point_at

    def marked_meanwhile(self: Published, snapshot: Any, etag: str | None) -> bool:
        if snapshot["run"] == "r2":
            put(s3, f"published/{old['snapshot']}.json", old | {"removed_at": "2026-11-21T00:00:00Z"})
        return point_at(self, snapshot, etag)

    monkeypatch.setattr(Published, "point_at", marked_meanwhile)
    take_back(s3, "r3")

    assert latest(s3) == oldest


def test_one_that_is_always_overtaken_gives_up_and_says_so(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_run(s3, "r1")
    monkeypatch.setattr(Published, "point_at_nothing", lambda *_: False)

    with pytest.raises(OvertakenError, match="clear this task to try again"):
        take_back(s3, "r1")


def add_step(settings: Any, context: Any, stage: int) -> None:
    AddStageStepOperator(
        task_id="add_step",
        settings=settings,
        stage=STAGES[stage],
        job_flow_id="j-1",
        code_uri="s3://pictures/code/v1",
        region_name="us-east-1",
    ).execute(context)


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_a_stage_of_the_published_run_that_is_cleared_takes_it_back_before_its_step_is_added(
    settings: Any, emr: FakeEmr, s3: Any, context: Any, stage: int
) -> None:
    first = publish_run(s3, "before")
    publish_run(s3, "r", 1)
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", {})
    seen: list[Any] = []
    add_job_flow_steps = emr.add_job_flow_steps

    def look(**request: Any) -> Any:
        seen.append((latest(s3), keys(s3, f"runs/r/stats/{STAGES[stage].name}.json")))
        return add_job_flow_steps(**request)

    emr.add_job_flow_steps = look  # type: ignore[method-assign]
    add_step(settings, context, stage)

    assert seen == [(first, [])]


def test_the_run_is_published_again_under_the_same_name_when_it_comes_to_the_same(
    settings: Any, emr: FakeEmr, s3: Any, context: Any
) -> None:
    first, second = publish_run(s3, "before"), publish_run(s3, "r", 1)
    emr.add_cluster("j-1", "fruit_features pictures r", "WAITING", {})
    add_step(settings, context, 3)
    assert latest(s3) == first
    make_run(s3, "r")

    PublishOperator(
        task_id="publish", settings=settings, code_uri="s3://pictures/code/v1", region_name="us-east-1"
    ).execute(context)

    assert latest(s3)["snapshot"] == second["snapshot"]
    assert latest(s3)["previous"] == first["snapshot"]
    assert document(s3, second) == latest(s3)
