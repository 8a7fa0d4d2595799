"""Params that the form lets through and that still cannot work."""

from typing import Any

import pytest

from emr_pipeline.errors import ParamsError
from emr_pipeline.run.param_checks import check_params, check_projection, check_source
from tests.plugins import form

GOOD: dict[str, Any] = form.PARAMS | {"source_uri": "s3://photos/fruit", "run": None}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"source_uri": "s3://photos"},
        {"weights": "random:0"},
        {"weights": "s3://photos/w.h5"},
        {"backbone": "file", "weights": "s3://photos/net.json", "pca_components": 2048},
        {"pca_components": 1280},
        {"backbone": "resnet50", "pca_components": 2048},
        {"backbone": "vgg16_fc512", "pca_components": 512},
        {"pca_components": None, "explained_variance": 0.95},
        {"backbone": "vgg16", "pca_components": 2048, "explained_variance": 0.95},
        {"formats": ["csv", "parquet"]},
        {"reduce": "auto"},
    ],
)
def test_what_can_work_passes(changed: dict[str, Any]) -> None:
    check_params(GOOD | changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pca_components": 1281}, "pca_components=1281: backbone mobilenet_v2 gives vectors of 1280 numbers"),
        ({"backbone": "vgg16", "pca_components": 513}, "give at most 512, or an explained_variance"),
        ({"backbone": "vgg16_fc512", "pca_components": 600}, "vgg16_fc512 gives vectors of 512"),
        ({"backbone": "resnet50", "pca_components": 2049}, "give a whole number from 1 to 2048"),
        ({"pca_components": None}, "both empty: give one of them"),
        ({"source_uri": "landing"}, "source_uri='landing': give s3://bucket/prefix"),
        ({"source_uri": "s3://Photos/x"}, "source_uri='s3://Photos/x'"),
        ({"weights": "random"}, "weights='random': give imagenet, random:<seed> as in random:0, or"),
        ({"weights": "random:1234567890"}, "weights='random:1234567890'"),
        ({"weights": "random:1\n"}, r"weights='random:1\n'"),
        ({"run": "abc\n"}, r"run='abc\n': give at most 200 letters, digits"),
        ({"run": "a" * 201}, "at most 200 letters"),
        ({"refit_share": 1.5}, "refit_share=1.5: give a number from 0 to 1"),
        ({"sample_limit": 0}, "sample_limit=0: give a whole number, 1 or more"),
        ({"cluster_size": "huge"}, "give one of small, medium, large, auto"),
        ({"weights": "s3://photos"}, "weights='s3://photos'"),
        ({"backbone": "resnet18"}, "backbone='resnet18': give one of mobilenet_v2, mobilenet_v3_large, "),
        ({"reduce": "both"}, "reduce='both': give one of refit, project, auto"),
        ({"backbone": "file"}, "give as weights the .json file that describes your network"),
        ({"weights": "s3://photos/net.json"}, "give backbone=file as well"),
        ({"backbone": "file", "weights": "s3://photos/n.json", "engine": "tensorflow"}, "give engine=openvino"),
        ({"formats": ["csv"]}, "give parquet, or parquet,csv"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError) as refusal:
        check_params(GOOD | changed)

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("reduce", "has_baseline"), [("project", True), ("refit", False), ("auto", False)], ids=lambda value: str(value)
)
def test_a_model_is_needed_only_where_it_must_be_used(reduce: str, has_baseline: bool) -> None:
    check_projection(GOOD | {"reduce": reduce}, has_baseline)


def test_a_projection_on_nothing_is_refused_with_a_remedy() -> None:
    with pytest.raises(ParamsError, match="nothing is published whose model could be used; give refit or auto"):
        check_projection(GOOD | {"reduce": "project"}, has_baseline=False)


@pytest.mark.parametrize("source", ["", "/", "//", "/runs", "/runs/r/images/", "/code/1", "/landed", "/published/x"])
def test_a_source_that_runs_write_to_is_refused_by_the_name_that_it_was_given_by(source: str) -> None:
    with pytest.raises(ParamsError, match=r"^SOURCE=s3://pictures.*give a folder for photographs alone"):
        check_source("SOURCE", f"s3://pictures{source}", "pictures")


@pytest.mark.parametrize(
    "uri", ["s3://pictures/landing", "s3://pictures/runs-of-apples/", "s3://others", "s3://others/runs"]
)
def test_a_folder_of_photographs_alone_is_a_source(uri: str) -> None:
    check_source("SOURCE", uri, "pictures")
