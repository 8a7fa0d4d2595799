"""A param, a stage or a check is written once: what is made up here reaches all that comes from the contract."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import stage_arguments
from emr_pipeline.settings import Settings
from emr_pipeline.task.trigger_form import run_params
from run_contract import params as contract
from run_contract.param import Param
from run_contract.param_queries import deciding, param_named
from run_contract.stages import FEATURIZE, STAGES, VALIDATE, stage_named
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
    words = stage_arguments(stage_named(VALIDATE), RunLayout("b", "r"), values)
    assert words[words.index("--sharpness") + 1] == "0.5"
    assert deciding(values)["sharpness"] == 0.5
    assert parse_request({"SHARPNESS": "0.5"}, []).asked["sharpness"] == 0.5
    assert any("`sharpness`" in text for text in reference.pages().values())


def test_a_new_check_needs_its_form_and_a_function_of_its_name() -> None:
    told = in_own_process(THROUGH_A_NEW_CHECK)
    assert told.returncode == 0, told.stderr


THROUGH_A_NEW_CHECK = """
from run_contract import checks

checks.CHECKS = (*checks.CHECKS, checks.CheckForm("sharp_enough", "Images are sharp", is_hard=False))

from image_features.validate.checks.check import check
from tools.env import reference

@check
def sharp_enough(sharpness):
    return sharpness > 0.5, sharpness, 0.5, "hold the camera still"

found = sharp_enough(0.25)
assert (found.name, found.kind, found.verdict, found.limit) == ("sharp_enough", "soft", "warned", 0.5)
assert "| `sharp_enough` | soft | Images are sharp |" in reference.pages()["checks.md"]
"""


@pytest.mark.slow
def test_a_new_stage_needs_only_its_line_and_its_entry_point(tmp_path: Path) -> None:
    told = in_own_process(THROUGH_A_FIFTH_STAGE, tmp_path)
    assert told.returncode == 0, told.stderr


THROUGH_A_FIFTH_STAGE = """
import json, sys
from pathlib import Path
from run_contract import stages

NEW = stages.Stage("sharpen_images", "Sharpens images.", reads=("manifest",), writes=("images",))
stages.STAGES = (*stages.STAGES[:1], NEW, *stages.STAGES[1:])

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import step
from run_contract.params import PARAMS
words = step(NEW, RunLayout("b", "r"), {param.name: param.default for param in PARAMS}, "s3://b/code")
assert words["HadoopJarStep"]["Args"][5:] == [
    "s3://b/code/sharpen_images.py",
    "--manifest-uri", "s3://b/runs/r/manifest",
    "--images-uri", "s3://b/runs/r/images",
    "--stats-uri", "s3://b/runs/r/stats/sharpen_images.json",
    "--progress-uri", "s3://b/runs/r/progress/sharpen_images.json",
]

import fruit_features
tasks = set(fruit_features.dag.task_ids)
assert {f"sharpen_images.{task}" for task in ("add_step", "wait_for_step")} <= tasks, tasks

from emr_pipeline.operators import stage_code
assert "sharpen_images" in stage_code.STAGE_NAMES
from tools.env import reference
assert "## `sharpen_images`" in reference.pages()["stages.md"]

from tools.run.summary import summary_lines
stats = {"rows_in": 1, "rows_out": 1, "rejects": {}, "seconds": 1.0, "arguments": {}, "details": {}}
run = Path(sys.argv[1])
(run / "stats").mkdir()
(run / "stats" / "sharpen_images.json").write_text(json.dumps(stats))
assert any("sharpen_images" in line for line in summary_lines(run))

from tests.faults import stand_in
assert "sharpen_images.py" in stand_in.code_files({}, "")
"""


def in_own_process(program: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    """Most code takes what the contract lists when it is imported."""
    folders = os.pathsep.join(str(REPOSITORY / folder) for folder in (".", "plugins", "dags", "spark_jobs"))
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("param", contract.PARAMS, ids=lambda param: param.name)
def test_every_param_decides_a_run_or_says_why_not(param: Param) -> None:
    values = {one.name: one.default for one in contract.PARAMS}
    assert (param.name in deciding(values)) is not bool(param.not_deciding)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", "random:1234567890123"),
        ("weights", "random:\u0663"),
        ("weights", "imagenet\n"),
        ("weights", "s3://bucket"),
        ("run", "abc\n"),
        ("source_uri", "s3://bucket/a\n"),
        ("formats", ["parquet", "parquet"]),
        ("formats", ["csv"]),
    ],
)
def test_form_and_command_line_refuse_the_same_values(name: str, value: object) -> None:
    param = param_named(name)
    form = jsonschema.Draft7Validator(param.json_schema())
    assert not form.is_valid(value)
    assert param.refusal(value) is not None
    assert param.refusal(value, by_hand=True) is not None


def test_a_name_finds_its_own_stage_or_param_and_an_unknown_one_none() -> None:
    assert [stage_named(stage.name) for stage in STAGES] == list(STAGES)
    assert [param_named(param.name) for param in contract.PARAMS] == list(contract.PARAMS)
    for unknown in ("", "zoom"):
        with pytest.raises(KeyError):
            stage_named(unknown)
        with pytest.raises(KeyError):
            param_named(unknown)


def test_a_param_of_the_network_cannot_be_forgotten_in_the_identity() -> None:
    with pytest.raises(ValueError, match=r"sharpness: say identity=True, or not_in_identity=<why>"):
        Param(name="sharpness", title="", help="", section="", stages=(FEATURIZE,))


# How many of the product's files name it, and how many a reader should have to open (the goal of the house).
@pytest.mark.parametrize(
    ("name", "most", "goal"),
    [
        ("refit_share", 3, 3),
        ("refit_drift", 3, 3),
        ("max_reject_share", 3, 3),
        # The fourth compares networks by the groups of one of them.
        ("duplicate_likeness", 4, 4),
        ("sample_limit", 3, 3),
        # The fourth only has a picture of Pillow's resized.
        ("resize", 4, 4),
        # The fifth chooses the processors of a cluster, the sixth refuses one of them for most backbones.
        ("precision", 6, 6),
        # The fifth chooses what nodes are installed from, the sixth refuses one of them for a network of one's own.
        ("engine", 6, 6),
        # Networks are built, checked, kept and fetched by their backbone; a new backbone touches only two files.
        ("backbone", 12, 12),
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
