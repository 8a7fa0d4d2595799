"""The table of snapshots, read from a bucket's folder alone."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tools.run.history import history, lines, main

BUCKET = "fruit-features"


def inventory(bucket_path: Path, run: str, text: str) -> None:
    path = bucket_path / "runs" / run / "inventory.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"key,size_bytes,etag\n" + text.encode()))


def publish(bucket_path: Path, snapshot: str, hour: int, previous: str | None, **others: Any) -> dict[str, Any]:
    run = f"run-{snapshot}"
    document = {
        "schema_version": 2,
        "snapshot": snapshot,
        "published_at": f"2026-11-20T{hour:02}:00:00Z",
        "run": run,
        "source_uri": "s3://fruit-features/landing",
        "inventory_uri": f"s3://{BUCKET}/runs/{run}/inventory.csv.gz",
        "summary": {"images": 1050, "explained_variance": 0.91234, "linear_probe_accuracy": 0.5},
        "vectors": {"computed": 50, "reused": 1000},
        "model": {"action": "refit", "why": "was asked for"},
        "previous": previous,
    } | others
    folder = bucket_path / "published"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (snapshot, "latest"):
        (folder / f"{name}.json").write_text(json.dumps(document))
    return document


@pytest.fixture
def bucket_path(tmp_path: Path) -> Path:
    """Three snapshots: one whose run was removed, one that was taken back, the current one."""
    path = tmp_path / "s3" / BUCKET
    # The clock of the machine that published the first was years ahead: the order is that of publishing.
    publish(path, "aaaa", 9, None, published_at="2031-01-01T09:00:00Z", removed_at="2026-11-20T12:00:00Z")
    publish(path, "bbbb", 10, "aaaa", retracted_at="2026-11-20T11:30:00Z")
    publish(path, "cccc", 11, "bbbb")
    inventory(path, "run-bbbb", "a,1,x\nb,1,x\nc,1,x\n")
    inventory(path, "run-cccc", "a,1,x\nb,2,y\nd,1,x\ne,1,x\n")
    return path


def test_snapshots_are_listed_as_they_were_published_with_their_states(bucket_path: Path) -> None:
    found = history(bucket_path)

    assert [(entry["snapshot"], entry["state"]) for entry in found] == [
        ("cccc", "current"),
        ("bbbb", "taken back"),
        ("aaaa", "removed"),
    ]
    assert [entry["previous"] for entry in found] == ["bbbb", "aaaa", None]


def test_a_snapshot_that_readers_were_taken_back_to_says_instead_of_which(bucket_path: Path) -> None:
    entry = {"instead_of": "cccc", "at": "2026-11-20T12:00:00Z", "by": "ana", "dag_run_id": "r", "why": None}
    back = json.loads((bucket_path / "published" / "bbbb.json").read_text()) | {"rollbacks": [entry]}
    for name in ("bbbb", "latest"):
        (bucket_path / "published" / f"{name}.json").write_text(json.dumps(back))

    found = {entry["snapshot"]: entry for entry in history(bucket_path)}

    assert (found["bbbb"]["state"], found["cccc"]["state"]) == ("current, instead of cccc", "kept")
    assert (found["bbbb"]["rollbacks"], found["cccc"]["rollbacks"]) == ([entry], None)


def test_a_snapshot_has_the_cost_of_its_own_dag_run(bucket_path: Path) -> None:
    publish(bucket_path, "dddd", 12, "cccc", dag_run_id="second")
    clusters = [("first", 4.0), ("second", 0.25), ("second", 0.5)]
    document = {"run": "run-dddd", "clusters": [{"dag_run_id": run, "dollars": dollars} for run, dollars in clusters]}
    (bucket_path / "costs").mkdir()
    (bucket_path / "costs" / "run-dddd.json").write_text(json.dumps(document))

    newest, before, *_ = history(bucket_path)

    assert (newest["dollars"], before["dollars"]) == (0.75, None)
    assert "  0.75  " in list(lines([newest]))[1]


def test_what_changed_is_counted_where_both_listings_are_there(bucket_path: Path) -> None:
    newest, before, first = history(bucket_path)

    assert newest["changes"] == {"new": 2, "changed": 1, "gone": 1}
    assert before["changes"] is None
    assert first["changes"] is None


def test_another_source_is_not_compared(bucket_path: Path) -> None:
    publish(bucket_path, "dddd", 12, "cccc", source_uri="s3://elsewhere/x")
    inventory(bucket_path, "run-dddd", "z,1,x\n")

    assert history(bucket_path)[0]["changes"] is None


def test_the_table_has_a_line_for_each_and_says_what_was_computed_and_why(bucket_path: Path) -> None:
    publish(bucket_path, "cccc", 11, "bbbb", forecast={"size": "small", "minutes": 7.0, "dollars": 0.4})
    publish(bucket_path, "dddd", 12, "cccc", model={"action": "project", "why": "x" * 100})
    table = list(lines(history(bucket_path)))

    assert table[0].split()[:3] == ["snapshot", "published", "at"]
    assert table[2].split() == (
        [
            "cccc",
            "2026-11-20T11:00:00Z",
            "run-cccc",
            "1,050",
            "2/1/1",
            "50/1,000",
            "refit",
            "0.9123",
            "0.5000",
            "0.40",
            "-",
            "bbbb",
            "kept",
            "was",
            "asked",
            "for",
        ]
    )
    assert table[1].endswith("x" * 59 + "\u2026")
    assert len(table) == 5


def test_a_document_of_version_1_is_listed_with_dashes(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    old = {"schema_version": 1, "snapshot": "old", "run": "r", "published_at": "2026-11-19T00:00:00Z"}
    (folder / "latest.json").write_text(json.dumps(old))

    table = list(lines(history(tmp_path)))

    assert table[1].split() == [
        "old",
        "2026-11-19T00:00:00Z",
        "r",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "current",
        "-",
    ]


def test_json_has_every_field(
    bucket_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_HOME", str(bucket_path.parent.parent))

    main(["--json"])

    told = json.loads(capsys.readouterr().out)
    assert told == history(bucket_path)
    assert told[0]["vectors"] == {"computed": 50, "reused": 1000}
    assert told[2]["removed_at"] == "2026-11-20T12:00:00Z"


def test_a_foreign_document_and_a_copy_are_no_snapshots(bucket_path: Path) -> None:
    before = history(bucket_path)
    (bucket_path / "published" / "notes.json").write_text('{"by": "somebody"}')
    (bucket_path / "published" / "half.json").write_text('{"snapshot": "ha')
    copied = json.loads((bucket_path / "published" / "aaaa.json").read_text()) | {"snapshot": "zzzz"}
    (bucket_path / "published" / "copy.json").write_text(json.dumps(copied))
    assert history(bucket_path) == before


def test_where_nothing_is_published_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path))

    main([])
    assert "nothing is published yet: make run" in capsys.readouterr().out
