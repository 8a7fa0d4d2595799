"""What a person asks for, and the DAG's params that come of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from emr_pipeline.run.layout import RUN_PATTERN
from emr_pipeline.run.params import run_params
from emr_pipeline.settings import Settings
from tools.run.run_request import RUN_NAME, parse_request

NOW = datetime(2026, 11, 20, 16, 47, 12, tzinfo=UTC)
URI = "s3://fruit-features/landing/grocery"


def test_only_what_was_asked_for_is_passed_on() -> None:
    request = parse_request(["--source=grocery"])
    assert request.params("r", URI, None) == {"source_uri": URI, "run": "r"}


def test_every_option_reaches_its_param_with_its_type() -> None:
    request = parse_request(
        [
            "--source=x",
            "--backbone=resnet50",
            "--components=64",
            "--explained-variance=0.95",
            "--resize=bicubic",
            "--formats=parquet,csv",
            "--sample=10",
            "--engine=tensorflow",
            "--precision=float32",
            "--reduce=auto",
            "--force=1",
        ]
    )
    params = request.params("r", URI, "random:1")
    assert params == {
        "source_uri": URI,
        "run": "r",
        "backbone": "resnet50",
        "weights": "random:1",
        "resize": "bicubic",
        "engine": "tensorflow",
        "precision": "float32",
        "pca_components": 64,
        "explained_variance": 0.95,
        "formats": ["parquet", "csv"],
        "sample_limit": 10,
        "reduce": "auto",
        "force": True,
    }
    assert set(params) <= set(run_params(Settings.from_environment({})))


def test_the_demo_takes_fewer_components_unless_told() -> None:
    assert parse_request([]).params("r", URI, None)["pca_components"] == 32
    assert parse_request(["--components=8"]).params("r", URI, None)["pca_components"] == 8


@pytest.mark.parametrize("text", ["0", "no", ""])
def test_a_force_that_is_denied_is_none(text: str) -> None:
    assert "force" not in parse_request([f"--force={text}"]).params("r", URI, None)


def test_a_force_that_is_neither_yes_nor_no_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_request(["--force=perhaps"])
    assert "'perhaps': 1 or 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source_uri", "name"),
    [
        (URI, "grocery-20261120-164712"),
        ("s3://b/my photos é", "my-photos-20261120-164712"),
        ("s3://b/%", "run-20261120-164712"),
    ],
)
def test_a_run_without_a_name_is_called_after_its_source_and_the_time(source_uri: str, name: str) -> None:
    assert parse_request([]).run_name(source_uri, NOW) == name
    assert RUN_NAME.fullmatch(name)


def test_a_name_that_was_given_is_the_name() -> None:
    assert parse_request(["--run=fruits"]).run_name(URI, NOW) == "fruits"


@pytest.mark.parametrize("name", ["../up", "a b", "_hidden", "a/b", "a:b", ""])
def test_a_name_that_is_no_prefix_is_refused_at_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_request([f"--run={name}"])
    assert "letters, digits" in capsys.readouterr().err


def test_names_are_those_that_the_dag_takes() -> None:
    assert f"^{RUN_NAME.pattern}$" == RUN_PATTERN


def test_the_makefile_passes_every_option() -> None:
    recipe = (Path(__file__).parents[3] / "Makefile").read_text(encoding="utf-8")
    for option in vars(parse_request([])):
        assert f"--{option.replace('_', '-')}=$${option.upper()}" in recipe
