"""The command line that the DAG gives each stage is one that the stage's own parser takes, param by param."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import stage_arguments
from image_features.featurize.arguments import parse_featurize_arguments
from image_features.ingest.arguments import parse_ingest_arguments
from image_features.reduce.arguments import parse_reduce_arguments
from image_features.validate.arguments import parse_validate_arguments
from run_contract.param import Param
from run_contract.param_queries import params_of
from run_contract.params import PARAMS
from run_contract.stages import STAGES, Stage

LAYOUT = RunLayout("pictures", "first-try")
FORM = {param.name: param.default for param in PARAMS} | {"source_uri": "s3://photographs/of fruit"}
PARSERS: dict[str, Callable[[Sequence[str]], Any]] = {
    "ingest_images": parse_ingest_arguments,
    "featurize_images": parse_featurize_arguments,
    "reduce_features": parse_reduce_arguments,
    "validate_run": parse_validate_arguments,
}


def another(param: Param) -> Any:
    """Return a value that the param may have and does not have by default."""
    if param.kind is tuple:
        return list(param.choices)
    if param.choices:
        return param.choices[1]
    if param.kind in (int, float):
        return param.kind(param.maximum if param.maximum is not None else (param.minimum or 0) + 7)
    return {
        "weights": "random:7",
        "source_uri": "s3://elsewhere/photographs",
        "label_pattern": "(?P<label>.*)/.*",
        "labels": "s3://elsewhere/labels.csv",
        "groups_from": "s3://elsewhere/runs/first/groups",
    }[param.name]


def parsed(stage: Stage, values: dict[str, Any]) -> Any:
    return PARSERS[stage.name](stage_arguments(stage, LAYOUT, values))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_forms_defaults_reach_the_stage_and_every_place_is_named(stage: Stage) -> None:
    arguments = parsed(stage, FORM)
    for place in stage.places():
        assert getattr(arguments, f"{place.name}_uri") == LAYOUT.uri(place.name, stage.name)
    for param in params_of(stage.name):
        assert getattr(arguments, param.name) == FORM[param.name], param.name


@pytest.mark.parametrize(
    ("stage", "param"),
    [
        pytest.param(stage, param, id=f"{stage.name}-{param.name}")
        for stage in STAGES
        for param in params_of(stage.name)
    ],
)
def test_another_value_reaches_the_stage(stage: Stage, param: Param) -> None:
    value = another(param)
    assert value != FORM[param.name]
    got = getattr(parsed(stage, FORM | {param.name: value}), param.name)
    assert (list(got) if param.kind is tuple else got) == value
