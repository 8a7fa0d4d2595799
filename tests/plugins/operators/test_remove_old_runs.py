"""Old runs go, whole and marked; nothing that a kept snapshot names, that is being made, or that is not ours."""

from typing import Any

import pytest

from emr_pipeline.errors import PipelineError
from emr_pipeline.operators.remove_old_runs import RemoveOldRunsOperator
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.snapshots import remove as removing
from emr_pipeline.snapshots.remove import remove_images, remove_old_runs
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowSkipException
from tests.plugins.published_runs import BUCKET, keys, latest, make_run, publish_run, put, read

OWN = RunLayout(BUCKET, "being-made")


def remove(s3: Any, keep: int = 2, own: RunLayout = OWN) -> list[str]:
    return remove_old_runs(Published(s3, BUCKET), keep, own)


def runs(s3: Any) -> list[str]:
    return sorted({key.split("/")[1] for key in keys(s3, "runs/")})


def document(s3: Any, snapshot: dict[str, Any]) -> Any:
    return read(s3, f"published/{snapshot['snapshot']}.json")


def test_of_many_snapshots_the_newest_keep_their_runs_and_all_their_documents(s3: Any) -> None:
    snapshots = [publish_run(s3, f"r{number:02}", number) for number in range(15)]
    objects = len(keys(s3, "runs/r00/"))

    removed = remove(s3, keep=10)

    assert removed == [snapshot["snapshot"] for snapshot in snapshots[:5]]
    assert runs(s3) == [f"r{number:02}" for number in range(5, 15)]
    for snapshot in snapshots[:5]:
        marks = document(s3, snapshot)
        assert marks["removed_at"].endswith("Z")
        assert marks["removed_objects"] == objects
        assert {name: marks[name] for name in snapshot} == snapshot
    assert [document(s3, snapshot) for snapshot in snapshots[5:]] == snapshots[5:]
    assert latest(s3) == snapshots[-1]


def test_a_clock_that_is_years_ahead_makes_no_honest_run_go(s3: Any) -> None:
    for number in range(10):
        publish_run(s3, f"of-2030-{number}", number + 4 * 365 * 24)
    for number in range(6):
        publish_run(s3, f"honest-{number}", number)

    remove(s3, keep=10)

    assert runs(s3) == [*(f"honest-{number}" for number in range(6)), *(f"of-2030-{number}" for number in range(6, 10))]


def test_what_does_not_come_before_the_latest_snapshot_stays_and_takes_nobodys_place(s3: Any) -> None:
    for number in range(5):
        publish_run(s3, f"r{number}", number)
    for number in range(10):
        stray = {"snapshot": f"stray{number}", "run_uri": f"s3://pictures/runs/r{number}", "published_at": "2030"}
        put(s3, f"published/stray{number}.json", stray)
    make_run(s3, "r0")

    assert remove(s3, keep=4) == []
    assert runs(s3) == [f"r{number}" for number in range(5)]


def test_a_snapshot_that_was_published_a_second_time_closes_no_circle(s3: Any) -> None:
    first, second = publish_run(s3, "r1"), publish_run(s3, "r2", 1)
    again = first | {"previous": second["snapshot"]}
    for key in (first["snapshot"], "latest"):
        put(s3, f"published/{key}.json", again)

    assert remove(s3) == []
    assert runs(s3) == ["r1", "r2"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"7", b"\xff", b'{"snapshot": []}', b'{"snapshot": "other"}', b"[" * 100_000],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_snapshots_document_is_ignored_with_a_line_in_the_log(
    s3: Any, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = [publish_run(s3, f"r{number}", number) for number in range(3)]
    s3.put_object(Bucket=BUCKET, Key="published/note.json", Body=content)

    assert remove(s3) == [snapshots[0]["snapshot"]]
    Published(s3, BUCKET).refuse_rewrite(RunLayout(BUCKET, "another"))
    assert "Ignored: " in caplog.text
    assert "note.json" in caplog.text
    assert s3.get_object(Bucket=BUCKET, Key="published/note.json")["Body"].read() == content


def test_a_copy_of_a_snapshots_document_counts_for_nothing(s3: Any) -> None:
    snapshots = [publish_run(s3, f"r{number}", number) for number in range(3)]
    for number in range(5):
        put(s3, f"published/copy{number}.json", snapshots[2])

    assert remove(s3) == [snapshots[0]["snapshot"]]


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}"])
def test_a_pointer_that_is_no_snapshot_is_an_error_that_says_what_to_do(s3: Any, content: bytes) -> None:
    publish_run(s3, "r1")
    s3.put_object(Bucket=BUCKET, Key="published/latest.json", Body=content)

    with pytest.raises(PipelineError, match=r"latest\.json is no snapshot: put back the former version"):
        remove(s3)


def test_a_second_time_there_is_nothing_to_remove(s3: Any) -> None:
    for number in range(4):
        publish_run(s3, f"r{number}", number)
    remove(s3)
    before = runs(s3)

    assert remove(s3) == []
    assert runs(s3) == before


def test_as_many_as_are_kept_are_all_kept(s3: Any) -> None:
    publish_run(s3, "r1")
    publish_run(s3, "r2", 1)

    assert remove(s3) == []
    assert runs(s3) == ["r1", "r2"]


def test_what_lies_beside_a_runs_folder_stays(s3: Any) -> None:
    publish_run(s3, "r")
    for key in (
        "runs/r-other/features/x",
        "runs/r.txt",
        "landing/r/1.jpg",
        "feature_store/v",
        "models/m",
        "published/r",
    ):
        put(s3, key, {})
    publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)

    remove(s3)

    assert keys(s3, "runs/r/") == []
    assert len(keys(s3, "runs/r-other/") + keys(s3, "runs/r.txt") + keys(s3, "landing/") + keys(s3, "feature_")) == 4


@pytest.mark.parametrize("name", ["model_uri", "report_uri", "baseline_uri"])
def test_a_run_of_which_a_kept_snapshot_names_one_file_stays(s3: Any, name: str) -> None:
    named: dict[str, Any] = {name: "s3://pictures/runs/r1/model/part-0"}
    publish_run(s3, "r1")
    publish_run(s3, "r2", 1, **named)
    publish_run(s3, "r3", 2)

    assert remove(s3) == []
    assert "r1" in runs(s3)


def test_a_name_that_only_begins_alike_protects_nothing(s3: Any) -> None:
    first = publish_run(s3, "r1")
    publish_run(s3, "r10", 1)
    publish_run(s3, "r11", 2)

    assert remove(s3) == [first["snapshot"]]


def test_a_run_that_was_published_twice_stays_as_long_as_either_is_kept(s3: Any) -> None:
    old = publish_run(s3, "r1")
    publish_run(s3, "r2", 1)
    again = publish_run(s3, "r1", 2, images=7)
    assert old["snapshot"] != again["snapshot"]

    assert remove(s3) == []
    publish_run(s3, "r3", 3)
    assert remove(s3) == [read(s3, f"published/{again['previous']}.json")["snapshot"]]
    publish_run(s3, "r4", 4)

    assert remove(s3) == [old["snapshot"], again["snapshot"]]
    assert runs(s3) == ["r3", "r4"]


def test_the_run_that_is_being_made_stays(s3: Any) -> None:
    publish_run(s3, "own")
    for number in range(1, 4):
        publish_run(s3, f"r{number}", number)

    remove(s3, own=RunLayout(BUCKET, "own"))

    assert runs(s3) == ["own", "r2", "r3"]


@pytest.mark.parametrize(
    "uri", ["s3://elsewhere/runs/r1", "s3://pictures/landing", "s3://pictures/runs/", "s3://pictures/runs/a/b"]
)
def test_what_is_no_run_of_this_bucket_is_never_touched(s3: Any, uri: str) -> None:
    s3.create_bucket(Bucket="elsewhere")
    s3.put_object(Bucket="elsewhere", Key="runs/r1/features/x", Body=b"x")
    put(s3, "landing/1.jpg", {})
    publish_run(s3, "r1", run_uri=uri)
    publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)

    assert remove(s3) == []
    assert "Contents" in s3.list_objects_v2(Bucket="elsewhere")
    assert keys(s3, "landing/") == ["landing/1.jpg"]


def test_a_removal_that_was_broken_off_is_marked_is_not_whole_and_is_finished_by_the_next(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish_run(s3, "r1")
    publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)
    monkeypatch.setattr(removing, "DELETED_AT_ONCE", 2)
    delete_keys, batches = removing.delete_keys, []

    def killed(*arguments: Any) -> None:
        batches.append(arguments)
        if len(batches) == 2:
            raise RuntimeError("killed")
        delete_keys(*arguments)

    with monkeypatch.context() as broken, pytest.raises(RuntimeError, match="killed"):
        broken.setattr("emr_pipeline.snapshots.remove.delete_keys", killed)
        remove(s3)

    half = document(s3, first)
    assert half["removed_at"] and "removed_objects" not in half
    assert 0 < len(keys(s3, "runs/r1/")) < len(keys(s3, "runs/r2/"))
    assert not Published(s3, BUCKET).is_whole(half)
    assert not Published(s3, BUCKET).is_whole(first)  # by its files alone
    assert remove(s3) == [first["snapshot"]]
    assert keys(s3, "runs/r1/") == []
    assert document(s3, first)["removed_at"] == half["removed_at"]


def test_a_run_of_more_objects_than_s3_deletes_at_once_goes_in_several_requests(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        publish_run(s3, f"r{number}", number)
    sizes = []
    monkeypatch.setattr(removing, "etags_under", lambda *_: {f"features/{number}": "" for number in range(2001)})
    monkeypatch.setattr(removing, "delete_keys", lambda _s3, _bucket, keys: sizes.append(len(keys)))
    remove(s3)

    assert sum(sizes) == 2001
    assert max(sizes) <= 1000, "the most that S3's DeleteObjects takes"


def test_two_at_once_remove_each_run_once(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish_run(s3, "r1")
    publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)
    delete_keys = removing.delete_keys
    inner: list[Any] = []

    def beside(*arguments: Any) -> None:
        if not inner:
            inner.append("begun")
            inner.append(remove(s3))
        delete_keys(*arguments)

    monkeypatch.setattr(removing, "delete_keys", beside)
    remove(s3)

    assert inner == ["begun", [first["snapshot"]]]
    assert runs(s3) == ["r2", "r3"]
    assert document(s3, first)["removed_objects"] > 0


def test_a_run_that_readers_are_pointed_at_in_that_moment_stays(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish_run(s3, "r1")
    publish_run(s3, "r2", 1)
    publish_run(s3, "r3", 2)
    update = Published.update

    def pointed_at_meanwhile(self: Published, *arguments: Any) -> Any:
        put(s3, "published/latest.json", first)
        return update(self, *arguments)

    monkeypatch.setattr(Published, "update", pointed_at_meanwhile)

    assert remove(s3) == []
    assert runs(s3) == ["r1", "r2", "r3"]
    assert document(s3, first) == first


def test_a_name_that_is_used_again_after_its_run_was_removed_is_not_removed_with_it(s3: Any) -> None:
    for number in range(3):
        publish_run(s3, f"r{number}", number)
    remove(s3)
    make_run(s3, "r0", images=9)

    assert remove(s3) == []
    assert "r0" in runs(s3)


def test_objects_that_s3_refuses_to_delete_are_named(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        publish_run(s3, f"r{number}", number)
    refused = {"Errors": [{"Key": "runs/r0/x", "Code": "AccessDenied", "Message": "no"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refused)

    with pytest.raises(RuntimeError, match=r"s3://pictures/runs/r0/x: AccessDenied no; .*s3:DeleteObject"):
        remove(s3)


def test_the_task_keeps_as_many_as_the_setting_says_and_never_the_run_it_is_part_of(
    settings: Any, s3: Any, context: Any
) -> None:
    for number in range(11):
        publish_run(s3, f"r{number:02}", number)
    task = RemoveOldRunsOperator(task_id="remove", settings=settings, published="a snapshot", region_name="us-east-1")

    own: Any = {**context, "params": context["params"] | {"run": "r00"}}
    assert task.execute(own) == []
    assert len(task.execute(context)) == 1
    assert runs(s3) == [f"r{number:02}" for number in range(1, 11)]


def test_a_run_that_published_nothing_removes_nothing(settings: Any, s3: Any, context: Any) -> None:
    for number in range(11):
        publish_run(s3, f"r{number:02}", number)
    task = RemoveOldRunsOperator(task_id="remove", settings=settings, published="", region_name="us-east-1")

    with pytest.raises(AirflowSkipException, match="published nothing"):
        task.execute(context)
    assert len(runs(s3)) == 11


def test_the_packed_photographs_of_published_runs_go_and_nothing_else(s3: Any) -> None:
    for number, run in enumerate(("r1", "r2")):
        publish_run(s3, run, number)
    make_run(s3, "unpublished")
    put(s3, "published/stray.json", {"snapshot": "stray", "run_uri": "s3://pictures/runs/unpublished"})
    before = keys(s3, "")
    for run in ("r1", "r2", "unpublished"):
        for name in ("images/part-0.parquet", "images/part-1.parquet", "images2/part-0.parquet"):
            s3.put_object(Bucket=BUCKET, Key=f"runs/{run}/{name}", Body=b"")

    assert remove_images(Published(s3, BUCKET)) == 4
    assert remove_images(Published(s3, BUCKET)) == 0

    left = set(keys(s3, "")) - set(before)
    assert left == {
        *(f"runs/{run}/images2/part-0.parquet" for run in ("r1", "r2", "unpublished")),
        *(f"runs/unpublished/images/part-{part}.parquet" for part in (0, 1)),
    }
