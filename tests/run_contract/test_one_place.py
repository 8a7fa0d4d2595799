"""A param, a stage or a backbone is written once: what is made up here reaches all that comes from the contract."""

import ast
from pathlib import Path

import pytest

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import stage_arguments
from emr_pipeline.settings import Settings
from emr_pipeline.task.trigger_form import run_params
from run_contract import params as contract
from run_contract.param import Param
from run_contract.stages import FEATURIZE, VALIDATE, Stage
from tools.env import reference
from tools.run.run_request import parse_request

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCT = ("dags", "plugins", "spark_jobs", "run_contract", "tools", "local_aws", "bootstrap")
MADE_UP = Param(
    name="sharpness",
    title="Sharpness",
    help="How sharp a photograph must be.",
    section="Photographs",
    kind=float,
    default=0.25,
    minimum=0,
    maximum=1,
    stages=(VALIDATE,),
)


@pytest.fixture
def with_a_new_param(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "PARAMS", (*contract.PARAMS, MADE_UP))


@pytest.mark.usefixtures("with_a_new_param")
def test_a_new_param_reaches_form_step_make_run_reference_and_what_decides_a_run() -> None:
    form = run_params(Settings.from_environment({}))
    assert form["sharpness"].value == 0.25
    values = {param.name: param.default for param in contract.PARAMS} | {"source_uri": "s3://b/p", "sharpness": 0.5}
    (stage,) = (stage for stage in contract_stages() if stage.name == VALIDATE)
    words = stage_arguments(stage, RunLayout("b", "r"), values)
    assert words[words.index("--sharpness") + 1] == "0.5"
    assert contract.deciding(values)["sharpness"] == 0.5
    assert parse_request({"SHARPNESS": "0.5"}, []).asked["sharpness"] == 0.5
    assert any("`sharpness`" in text for text in reference.pages().values())


def contract_stages() -> tuple[Stage, ...]:
    from run_contract.stages import STAGES

    return STAGES


def test_a_new_stage_needs_only_its_line_to_get_a_command_line() -> None:
    stage = Stage("sharpen_images", "Sharpens images.", reads=("images",), writes=("features",))
    values = {param.name: param.default for param in contract.PARAMS}
    words = stage_arguments(stage, RunLayout("b", "r"), values)
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        "--images-uri": "s3://b/runs/r/images",
        "--features-uri": "s3://b/runs/r/features",
        "--stats-uri": "s3://b/runs/r/stats/sharpen_images.json",
        "--progress-uri": "s3://b/runs/r/progress/sharpen_images.json",
    }


@pytest.mark.parametrize("param", contract.PARAMS, ids=lambda param: param.name)
def test_every_param_decides_a_run_or_says_why_not(param: Param) -> None:
    values = {one.name: one.default for one in contract.PARAMS}
    assert (param.name in contract.deciding(values)) is not bool(param.not_deciding)


def test_a_param_of_the_network_cannot_be_forgotten_in_the_identity() -> None:
    with pytest.raises(ValueError, match=r"sharpness: say identity=True, or not_in_identity=<why>"):
        Param(name="sharpness", title="", help="", section="", stages=(FEATURIZE,))


# How many of the product's files name it, and how many a reader should have to open (the goal of the house).
@pytest.mark.parametrize(
    ("name", "most", "goal"),
    [
        ("refit_share", 3, 3),
        ("refit_drift", 4, 3),
        ("max_reject_share", 5, 3),
        ("sample_limit", 6, 3),
        ("resize", 6, 4),
        ("precision", 10, 4),
        ("vgg16_fc512", 2, 3),
        ("resnet50", 2, 3),
        ("reduce_features", 7, 9),
        ("labels_kept", 3, 3),
    ],
)
def test_few_files_name_one_thing(name: str, most: int, goal: int) -> None:
    found = files_that_name(name)
    assert 0 < len(found) <= most, f"{len(found)} files, the goal is {goal}: {found}"


def files_that_name(name: str) -> list[str]:
    """Return the product's files whose code has this identifier or text; comments and docstrings do not count."""
    found = []
    for folder in PRODUCT:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if any(name in words_of(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
                found.append(path.relative_to(REPOSITORY).as_posix())
    return found


def words_of(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.Constant(value=str(word)):
            return (word,)
        case ast.keyword(arg=str(word)) | ast.FunctionDef(name=word):
            return (word,)
    return ()
