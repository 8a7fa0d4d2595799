"""What a person sees while a run runs."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools.run.progress_lines import ProgressLines


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("tools.run.progress_lines.time.monotonic", lambda: now[0])
    return now


def count(folder: Path, done: int, total: int | None = 100, state: str = "running", **others: Any) -> None:
    progress = {"stage": "featurize_images", "state": state, "done": done, "total": total, "unit": "images"} | others
    (folder / "featurize_images.json").write_text(json.dumps(progress))


def begin(lines: ProgressLines, task_id: str) -> None:
    lines.show_change(task_id, "running")


def test_each_part_of_the_dag_is_named_once_with_the_time(tmp_path: Path, clock: list[float]) -> None:
    out = io.StringIO()
    lines = ProgressLines(tmp_path, out)
    begin(lines, "check_run")
    clock[0] += 65
    for task_id in ("featurize_images.add_step", "featurize_images.wait_for_step"):
        begin(lines, task_id)
        lines.show_change(task_id, "success")
    assert out.getvalue() == "   0:00  check_run\n   1:05  featurize_images\n"


def test_a_failed_task_is_named_in_full(tmp_path: Path, clock: list[float]) -> None:
    out = io.StringIO()
    ProgressLines(tmp_path, out).show_change("reduce_features.wait_for_step", "failed")
    assert out.getvalue() == "   0:00  reduce_features.wait_for_step FAILED\n"


def test_a_terminal_sees_the_count_and_the_rate_in_place(tmp_path: Path, clock: list[float]) -> None:
    out = Terminal()
    lines = ProgressLines(tmp_path, out)
    begin(lines, "featurize_images.wait_for_step")
    count(tmp_path, 0)
    lines.show_counts()
    clock[0] += 2
    count(tmp_path, 50)
    lines.show_counts()
    count(tmp_path, 100, state="done")
    lines.show_counts()
    assert out.getvalue().splitlines(keepends=True)[1:] == [
        "   0:00  featurize_images  0 of 100 images\r",
        "\x1b[K   0:02  featurize_images  50 of 100 images, 25.0 a second\r",
        "\x1b[K   0:02  featurize_images  100 of 100 images, 50.0 a second\n",
    ]


def test_a_log_gets_a_count_now_and_then_and_the_last(tmp_path: Path, clock: list[float]) -> None:
    out = io.StringIO()
    lines = ProgressLines(tmp_path, out)
    begin(lines, "featurize_images.wait_for_step")
    for done in range(0, 100, 10):
        count(tmp_path, done)
        lines.show_counts()
        clock[0] += 4
    count(tmp_path, 100, state="done")
    lines.show_counts()
    lines.show_counts()
    assert [line.split()[2] for line in out.getvalue().splitlines()[1:]] == ["0", "40", "80", "100"]


def test_counts_of_an_earlier_run_of_the_same_name_are_not_shown(tmp_path: Path, clock: list[float]) -> None:
    count(tmp_path, 100, state="done")
    os.utime(tmp_path / "featurize_images.json", (1, 1))
    out = io.StringIO()
    lines = ProgressLines(tmp_path, out)
    begin(lines, "featurize_images.wait_for_step")
    lines.show_counts()
    assert "100" not in out.getvalue()


def test_an_unknown_total_is_left_out(tmp_path: Path, clock: list[float]) -> None:
    out = io.StringIO()
    lines = ProgressLines(tmp_path, out)
    begin(lines, "featurize_images.wait_for_step")
    count(tmp_path, 7, total=None)
    lines.show_counts()
    assert out.getvalue().endswith("featurize_images  7 images\n")


def test_the_run_that_has_to_end_before_is_named_once(tmp_path: Path, clock: list[float]) -> None:
    out = io.StringIO()
    lines = ProgressLines(tmp_path, out)
    for waits_for in ("first", "first", None):
        lines.show_wait(waits_for)
    assert out.getvalue() == "   0:00  waiting for the run first: the DAG makes one run at a time\n"
