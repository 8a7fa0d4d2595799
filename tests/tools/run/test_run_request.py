"""What a person asks for, and the DAG's params that come of it."""

from datetime import UTC, datetime

import pytest

from emr_pipeline.settings import Settings
from emr_pipeline.task.trigger_form import run_params
from run_contract.param_queries import param_named
from tools.run.run_request import RunRequestError, parse_request

NOW = datetime(2026, 11, 20, 16, 47, 12, tzinfo=UTC)
URI = "s3://fruit-features/landing/grocery"


def test_only_what_was_asked_for_is_passed_on() -> None:
    assert parse_request({"SOURCE": "grocery"}).params("r", {"source_uri": URI}) == {"source_uri": URI, "run": "r"}


def test_every_option_reaches_its_param_with_its_type() -> None:
    environment = {
        "SOURCE": "x",
        "BACKBONE": "resnet50",
        "COMPONENTS": "64",
        "EXPLAINED_VARIANCE": "0.95",
        "RESIZE": "bicubic",
        "FORMATS": "parquet,csv",
        "SAMPLE": "10",
        "ENGINE": "tensorflow",
        "PRECISION": "float32",
        "REDUCE": "auto",
        "REFIT_SHARE": "0.2",
        "REFIT_DRIFT": "0.03",
        "MAX_REJECT_SHARE": "0",
        "FORCE": "1",
    }
    params = parse_request(environment).params("r", {"source_uri": URI, "weights": "random:1"})
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
        "refit_share": 0.2,
        "refit_drift": 0.03,
        "max_reject_share": 0.0,
        "force": True,
    }
    form = run_params(Settings.from_environment({}))
    for name, value in params.items():
        form[name].resolve(value)


def test_the_demo_takes_fewer_components_unless_it_is_asked_for_others() -> None:
    assert parse_request({}).params("r", {"source_uri": URI})["pca_components"] < param_named("pca_components").default
    assert parse_request({"COMPONENTS": "8"}).params("r", {"source_uri": URI})["pca_components"] == 8


@pytest.mark.parametrize("text", ["0", "no", ""])
def test_a_force_that_is_denied_is_none(text: str) -> None:
    assert not parse_request({"FORCE": text}).params("r", {"source_uri": URI}).get("force", False)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"FORCE": "perhaps"}, "FORCE='perhaps' is refused; expected 1 or 0"),
        ({"ENGINE": "onnx"}, "ENGINE='onnx' is refused; expected one of openvino, tensorflow"),
        ({"COMPONENTS": "many"}, "COMPONENTS='many' is refused; expected a whole number from 1 to 2048"),
        ({"REFIT_SHARE": "nan"}, "REFIT_SHARE='nan' is refused; expected a number from 0 to 1"),
        ({"GIVEN_TO_MAKE": "SOURCE COMPONENT setup_command"}, "there is no COMPONENT; those are SOURCE, SAMPLE, "),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(environment: dict[str, str], message: str) -> None:
    with pytest.raises(RunRequestError) as refusal:
        parse_request(environment)
    assert message in str(refusal.value)


def test_words_go_before_the_environment_however_they_are_written() -> None:
    for word in ("RUN=fruits", "--run=fruits"):
        assert parse_request({"RUN": "others"}, [word]).asked == {"run": "fruits"}
    with pytest.raises(RunRequestError, match="there is no CLUSTER_SIZE"):
        parse_request({}, ["--cluster-size=large"])


@pytest.mark.parametrize(
    ("source_uri", "name"),
    [
        (URI, "grocery-20261120-164712"),
        ("s3://b/my photos é", "my-photos-20261120-164712"),
        ("s3://b/%", "run-20261120-164712"),
    ],
)
def test_a_run_without_a_name_is_called_after_its_source_and_the_time(source_uri: str, name: str) -> None:
    assert parse_request({}).run_name(source_uri, NOW) == name
    assert param_named("run").refusal(name) is None


def test_a_name_that_was_given_is_the_name() -> None:
    assert parse_request({"RUN": "fruits"}).run_name(URI, NOW) == "fruits"


@pytest.mark.parametrize("name", ["../up", "a b", "_hidden", "a/b", "a:b", "a\n"])
def test_a_name_that_is_no_prefix_is_refused_at_once(name: str) -> None:
    with pytest.raises(RunRequestError, match="letters, digits"):
        parse_request({"RUN": name})
