"""What a person reads at the end of a run."""

import json
import os
from pathlib import Path
from typing import Any

from run_contract.params import PARAMS
from tools.run.summary import failure_texts, is_skipped, nothing_new_lines, summary_lines
from tools.run.triggered_run import Outcome

FEATURIZED = {
    "weights": {"source": "random:0", "sha256": None, "pretrained": False},
    "images_per_second": 40.94,
}


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def stats(run_path: Path, stage: str, rows_in: int, rows_out: int, **others: Any) -> None:
    asked = {param.name: param.default for param in PARAMS}
    counted = {"rows_in": rows_in, "rows_out": rows_out, "rejects": {}, "seconds": 1.04, "arguments": asked}
    counted |= {"details": {}, **others}
    write(run_path / "stats" / f"{stage}.json", counted)


def report(run_path: Path, **others: Any) -> None:
    summary = {
        "explained_variance": 0.85466,
        "components": 32,
        "linear_probe_accuracy": 0.9,
        "knn_accuracy": None,
        "scored": "5-fold cross-validation on 240 images",
    }
    write(run_path / "report" / "validation.json", {"verdict": "passed", "checks": [], "summary": summary} | others)
    (run_path / "report" / "index.html").touch()


def test_stages_are_listed_in_their_order_with_rows_seconds_and_rejects(tmp_path: Path) -> None:
    stats(tmp_path, "featurize_images", 1241, 1240, rejects={"decode_failed": 1}, details=FEATURIZED)
    stats(tmp_path, "ingest_images", 1243, 1241, rejects={"not_an_image": 1, "ignored_object": 1})
    lines = list(summary_lines(tmp_path))
    assert [line.split() for line in lines[:3]] == [
        ["stage", "rows", "in", "rows", "out", "seconds", "rejects"],
        ["ingest_images", "1,243", "1,241", "1.0", "ignored_object", "1,", "not_an_image", "1"],
        ["featurize_images", "1,241", "1,240", "1.0", "decode_failed", "1"],
    ]


def test_random_weights_are_said_loudly_and_trained_ones_are_not(tmp_path: Path) -> None:
    stats(tmp_path, "featurize_images", 2, 2, details=FEATURIZED)
    assert any("WARNING: the weights are random" in line for line in summary_lines(tmp_path))
    trained = FEATURIZED | {"weights": {"source": "imagenet", "sha256": "ab", "pretrained": True}}
    stats(tmp_path, "featurize_images", 2, 2, details=trained)
    text = "\n".join(summary_lines(tmp_path))
    assert "WARNING" not in text
    assert "backbone mobilenet_v2, weights imagenet, resize bilinear, engine openvino, precision float32, 40.9" in text


def test_the_reports_numbers_and_its_path_are_told_and_what_is_null_is_not(tmp_path: Path) -> None:
    report(tmp_path)
    text = "\n".join(summary_lines(tmp_path))
    assert "0.8547 by 32 components" in text
    assert "0.9000 (5-fold cross-validation on 240 images)" in text
    assert "k-NN" not in text
    assert str(tmp_path / "report" / "index.html") in text
    assert "explorer" not in text
    (tmp_path / "report" / "explorer.html").touch()
    assert str(tmp_path / "report" / "explorer.html") in "\n".join(summary_lines(tmp_path))


def test_checks_that_failed_or_warned_are_told_with_their_advice(tmp_path: Path) -> None:
    checks = [
        {"name": "unique_ids", "verdict": "passed", "value": 0, "limit": 0, "advice": "-"},
        {"name": "reject_share", "verdict": "failed", "value": 0.51234567, "limit": 0.05, "advice": "look at rejects/"},
    ]
    report(tmp_path, checks=checks, verdict="failed")
    text = "\n".join(summary_lines(tmp_path))
    assert "reject_share failed: 0.5123 (limit 0.05); look at rejects/" in text
    assert "unique_ids" not in text


def test_what_an_earlier_run_of_the_same_name_wrote_is_left_out(tmp_path: Path) -> None:
    stats(tmp_path, "ingest_images", 5, 5)
    stats(tmp_path, "featurize_images", 5, 5, details=FEATURIZED)
    report(tmp_path)
    for old in ("stats/featurize_images.json", "report/validation.json"):
        os.utime(tmp_path / old, (100, 100))
    lines = list(summary_lines(tmp_path, since=200))
    assert len(lines) == 2
    assert lines[1].split()[0] == "ingest_images"


def test_a_run_that_wrote_nothing_has_an_empty_summary(tmp_path: Path) -> None:
    assert list(summary_lines(tmp_path)) == []


def test_a_failure_names_the_task_its_error_and_the_logs(tmp_path: Path) -> None:
    outcome = Outcome("failed", {"a": "success", "b.wait": "failed"}, {"b.wait": "what, where, what to do"})
    texts = list(failure_texts(outcome, tmp_path))
    assert texts == ["ERROR in the task b.wait: what, where, what to do", f"the logs of all tasks: {tmp_path}"]


def test_what_was_computed_and_what_was_there_and_why_the_model_is_what_it_is(tmp_path: Path) -> None:
    vectors = {"computed": 50, "reused": 1000, "rejected_before": 2}
    stats(tmp_path, "featurize_images", 1052, 1050, details=FEATURIZED | {"vectors": vectors})
    model = {"action": "project", "why": "4.8 % of the rows are new, at most 10 % may be"}
    stats(tmp_path, "reduce_features", 1050, 1050, details={"model": model})
    lines = [line.split(maxsplit=1) for line in summary_lines(tmp_path)]
    assert ["vectors:", "50 computed, 1,000 reused, 2 rejected before"] in lines
    assert ["model:", "project: 4.8 % of the rows are new, at most 10 % may be"] in lines


def test_a_run_whose_first_task_was_skipped_had_nothing_to_do() -> None:
    assert is_skipped(Outcome("success", {"check_run": "skipped", "publish": "skipped"}))
    assert not is_skipped(Outcome("success", {"check_run": "success", "remove_old_runs": "skipped"}))
    assert not is_skipped(Outcome("failed", {}))


def test_nothing_new_is_said_with_what_is_published_and_how_to_run_all_the_same(tmp_path: Path) -> None:
    published = {
        "snapshot": "92ec24f4bb2073b5",
        "published_at": "2026-11-20T16:00:00Z",
        "run": "fruits",
        "source_uri": "s3://b/landing/fruits",
        "counts": {"ingest_images": {"rows_in": 1234}},
    }
    write(tmp_path / "published" / "latest.json", published)
    text = "\n".join(nothing_new_lines(tmp_path))
    assert "nothing new" in text and "no cluster was made" in text
    assert "92ec24f4bb2073b5, published 2026-11-20T16:00:00Z" in text
    assert "fruits, 1,234 objects of s3://b/landing/fruits" in text
    assert str(tmp_path / "runs" / "fruits" / "report" / "index.html") in text
    assert "make run FORCE=1" in text


def test_leaks_and_the_accuracies_without_them_stand_below_the_others(tmp_path: Path) -> None:
    duplicates = {"grouped": 9000, "test": 4585, "leaked": 2812}
    summary = {"scored": "as it is", "linear_probe_accuracy": 0.9791, "near_duplicates": duplicates}
    report(tmp_path, summary=summary | {"grouped_linear_probe_accuracy": 0.88, "grouped_knn_accuracy": None})
    lines = [" ".join(line.split()) for line in summary_lines(tmp_path)]
    place = lines.index("linear probe accuracy: 0.9791 (as it is)")
    assert lines[place + 1 : place + 4] == [
        "leaks: 2,812 of 4,585 photographs of Test have a near-duplicate in Training",
        "grouped linear probe: 0.8800 with near-duplicates kept together",
        "checks: passed",
    ]
