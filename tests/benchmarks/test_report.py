"""The page's tables say what the results hold, and the text between them stays as it was written."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report, results, whole


def _run(variant: str, seconds: float, mib: float = 100.0) -> dict[str, Any]:
    memory = {"jvm_peak_mib": 1.0, "driver_peak_mib": 2.0, "worker_peak_mib": mib}
    return {"variant": variant, "seconds": seconds, "cpu_s": 2 * seconds, "others_cores": 0.25, **memory}


RESULT = {
    "name": "featurize-vgg16-600",
    "backbone": "vgg16",
    "images": 600,
    "photos": "fruits",
    "runs": [
        *(_run("classroom", seconds) for seconds in (90.0, 60.0, 61.0)),
        *(_run("featurize_images, float32", seconds, mib) for seconds, mib in ((20.0, 300.0), (30.0, 200.0))),
        *(_run("plain processes, float32", seconds) for seconds in (20.0,)),
    ],
}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "RESULTS_PATH", tmp_path)
    monkeypatch.setattr(report, "PAGE_PATHS", [tmp_path / "page.md"])
    (tmp_path / "featurize-vgg16-600.json").write_text(json.dumps(RESULT))
    (tmp_path / "page.md").write_text(
        "before\n<!-- featurize -->\nold\n<!-- end -->\nafter\n<!-- pca -->\n<!-- end -->\n"
    )
    return tmp_path / "page.md"


def test_ratios_are_of_medians_and_memory_is_the_highest_of_all_rounds(page: Path) -> None:
    report.main()
    line = next(line for line in page.read_text().splitlines() if line.startswith("| featurize_images, float32"))
    # 600 / 25 s; 61 / 25; 20 / 25; no process that made a network; and the larger of two peaks.
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "featurize_images, float32",
        "25.0 (20.0 to 30.0)",
        "24",
        "2.44",
        "0.80",
        "50",
        "2.44",
        "1",
        "2",
        "",
        "300",
    ]


def test_text_between_the_tables_stays_and_a_second_time_changes_nothing(page: Path) -> None:
    report.main()
    written = page.read_text()
    assert written.startswith("before\n<!-- featurize -->\n")
    assert "\n<!-- end -->\nafter\n<!-- pca -->\nNot measured yet.\n<!-- end -->\n" in written
    assert "old" not in written
    report.main()
    assert page.read_text() == written


def test_a_whole_run_is_held_against_the_classroom_and_the_floor() -> None:
    of_stages = {"ingest_images": 10.0, "featurize_images": 25.0, "reduce_features": 5.0, "validate_run": 5.0}
    runs = [
        {"variant": whole.CLASSROOM, "seconds": 100.0, "cpu_s": 180.0},
        {"variant": whole.OURS, "seconds": 50.0, "cpu_s": 60.0, **of_stages},
        {"variant": whole.FLOOR, "cpu_s": 15.0},
    ]
    classroom, ours, floor = whole.rows([{"images": 1500, "precision": "float32", "runs": runs}])
    assert classroom[3:8] == ["100.0", "", "180", "", "12.0"]
    assert ours[3:] == ["50.0", "2.00", "60", "3.00", "4.0", "20%", "50%", "10%", "10%"]
    assert floor[3:8] == ["", "", "15", "", "1.0"]
    assert {len(row) for row in (classroom, ours, floor)} == {len(whole.HEADER)}
