"""Several networks on the same photographs: each run is asked for as by `make run`, and compared by its documents."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emr_pipeline.settings import Settings
from tools.errors import CompareError
from tools.local.home import LocalHome
from tools.run import compare
from tools.run.comparison import dollars_per_million, lines, rate_of
from tools.run.run_request import RunRequest, RunRequestError

SETTINGS = Settings.from_environment({})
TWO = "mobilenet_v2,WEIGHTS=w.h5,PRECISION=bfloat16 nets/lite.json"


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    return compare.home_of_its_own(LocalHome(tmp_path))


def stats(rate: float | None, computed: int, sha256: str = "a", engine: str = "openvino") -> dict[str, Any]:
    details = {"images_per_second": rate, "vectors": {"computed": computed}, "identity": {"weights_sha256": sha256}}
    return {"details": details, "arguments": {"engine": engine}}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def make_runs(monkeypatch: pytest.MonkeyPatch, accuracies: list[float]) -> list[dict[str, Any]]:
    """Runs that leave their documents without an Airflow; return what each was asked for."""
    asked: list[dict[str, Any]] = []

    def run_pipeline(request: RunRequest, home: LocalHome) -> int:
        asked.append(dict(request.asked))
        run_path = home.bucket_path / "runs" / request.asked["run"]
        known = {"images": 9, "dimension": 5, "components": 2, "linear_probe_accuracy": 1.0, "knn_accuracy": 1.0}
        accuracy = accuracies[len(asked) - 1]
        grouped = {"grouped_linear_probe_accuracy": accuracy, "grouped_knn_accuracy": 0.5, "grouped_scored": "folds"}
        write(run_path / "report/validation.json", {"summary": known | grouped})
        write(run_path / "stats/featurize_images.json", stats(10.0 * len(asked), 9, sha256=str(len(asked))))
        return 0

    monkeypatch.setattr(compare, "run_pipeline", run_pipeline)
    return asked


def test_all_runs_after_the_first_keep_its_groups_together_as_they_are(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = make_runs(monkeypatch, [0.8, 0.9])
    rows = list(compare.compare(compare.requests_of(TWO, {}, ["SOURCE=fruits", "LABELS=labels.csv"]), home))

    assert [one["backbone"] for one in asked] == ["mobilenet_v2", "file"]
    assert [one["weights"] for one in asked] == ["w.h5", "nets/lite.json"]
    assert [one.get("groups_from") for one in asked] == [None, f"s3://fruit-features/runs/{asked[0]['run']}/groups"]
    assert [one.get("labels") for one in asked] == ["labels.csv", "labels.csv"]
    assert all(one["force"] and one["source_uri"] == "fruits" for one in asked)
    assert [(row["linear"], row["images_per_second"]) for row in rows] == [(0.8, 10.0), (0.9, 20.0)]
    assert [line.split()[3:6] for line in lines(rows)][1:3] == [
        ["0.9000", "0.5000", "20.0"],
        ["0.8000", "0.5000", "10.0"],
    ]
    assert all(re.fullmatch(r"\d+\.\d\d", line.split()[-1]) for line in list(lines(rows))[1:3])
    assert [line.split()[0] for line in lines(rows)] == ["network", "lite.json", TWO.split()[0], "accuracies"]


def test_a_run_that_fails_ends_the_comparison(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "run_pipeline", lambda *_: 1)
    with pytest.raises(CompareError, match=r"^mobilenet_v2,WEIGHTS=w\.h5.*: its run .* failed"):
        list(compare.compare(compare.requests_of(TWO, {}), home))


@pytest.mark.parametrize(
    ("named", "environment", "says"),
    [
        ("", {}, "name two networks or more"),
        ("vgg16", {}, "name two networks or more"),
        ("vgg16 vgg16,RUN=a", {}, "leave out RUN=, for each run has"),
        ("vgg16 resnet50,GROUPS_FROM=s3://bucket/runs/a/groups", {}, "leave out GROUPS_FROM=, for all take the groups"),
        ("vgg16 resnet18", {}, "BACKBONE='resnet18' is refused; expected one of"),
        ("vgg16 resnet50,COLOR=1", {}, "there is no COLOR"),
    ],
)
def test_what_cannot_be_compared_is_refused(named: str, environment: dict[str, str], says: str) -> None:
    with pytest.raises((CompareError, RunRequestError), match=says):
        compare.requests_of(named, environment)


def test_comparisons_publish_nothing_where_readers_look(tmp_path: Path) -> None:
    main = LocalHome(tmp_path)
    own = compare.home_of_its_own(main)

    assert not own.bucket_path.is_relative_to(main.s3_path)
    assert own.spark_env_path.parent.resolve() == (tmp_path / "envs").resolve()


def test_a_rate_is_that_of_the_run_that_computed_most_of_the_same_vectors(tmp_path: Path) -> None:
    others = [stats(99, 8, sha256="b"), stats(98, 7, engine="tensorflow"), stats(20, 5), stats(30, 6), stats(None, 0)]
    for number, found in enumerate(others):
        write(tmp_path / f"{number}/stats/featurize_images.json", found)

    assert rate_of(stats(None, 0), tmp_path) == 30
    assert rate_of(stats(None, 0, sha256="c"), tmp_path) is None


def test_a_network_twice_as_fast_costs_about_half() -> None:
    slow, fast = dollars_per_million(20, SETTINGS), dollars_per_million(40, SETTINGS)

    assert 1.8 < slow / fast <= 2
