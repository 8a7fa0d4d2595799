"""The EMR step of each stage; its words against the stages' parsers are in tests/spark_jobs/job."""

from typing import Any

import pytest

from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES, Stage, stage_arguments, step
from tests.plugins import form

LAYOUT = RunLayout("b", "r")
PARAMS: dict[str, Any] = form.PARAMS | {"source_uri": "s3://photos/of fruit/", "run": None}
RUN = "s3://b/runs/r"


def stage_named(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)


def arguments_of(name: str, **params: Any) -> dict[str, str]:
    words = stage_arguments(stage_named(name), LAYOUT, PARAMS | params)
    return dict(zip(words[::2], words[1::2], strict=True))


def test_a_step_runs_the_stages_job_from_one_version_of_the_code() -> None:
    assert step(stage_named("ingest_images"), LAYOUT, PARAMS, "s3://b/code/v1") == {
        "Name": "ingest_images r",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {
            "Jar": "command-runner.jar",
            "Args": [
                "spark-submit",
                "--deploy-mode",
                "client",
                "--py-files",
                "s3://b/code/v1/image_features.zip",
                "s3://b/code/v1/ingest_images.py",
                "--feature-store-uri",
                "s3://b/feature_store",
                "--models-uri",
                "s3://b/models",
                "--manifest-uri",
                f"{RUN}/manifest",
                "--inventory-uri",
                f"{RUN}/inventory.csv.gz",
                "--images-uri",
                f"{RUN}/images",
                "--rejects-uri",
                f"{RUN}/rejects",
                "--stats-uri",
                f"{RUN}/stats/ingest_images.json",
                "--progress-uri",
                f"{RUN}/progress/ingest_images.json",
                "--source-uri",
                "s3://photos/of fruit",
                "--label-pattern",
                "parent",
                "--unknown-labels",
                "refuse",
                "--backbone",
                "mobilenet_v2",
                "--weights",
                "imagenet",
                "--resize",
                "bilinear",
                "--engine",
                "openvino",
                "--precision",
                "float32",
            ],
        },
    }


def test_no_stage_reads_what_a_stage_after_it_writes() -> None:
    written = {place for stage in STAGES for place in stage.writes}
    for number, stage in enumerate(STAGES):
        there = {place for before in STAGES[:number] for place in before.writes}
        kept_from_earlier_runs = {"feature_store", "models"}
        assert written & set(stage.reads) <= there | kept_from_earlier_runs, stage.name


def test_what_a_vector_is_known_by_and_what_computes_it_are_the_same() -> None:
    ingest, featurize = arguments_of("ingest_images"), arguments_of("featurize_images")
    network = ("--backbone", "--weights", "--resize", "--engine", "--precision", "--models-uri", "--feature-store-uri")

    assert [ingest[name] for name in network] == [featurize[name] for name in network]


def test_explained_variance_decides_when_it_is_given() -> None:
    given = arguments_of("reduce_features", explained_variance=0.95)

    assert given["--explained-variance"] == "0.95"
    assert "--pca-components" not in given


def test_a_limit_of_zero_is_given_and_not_taken_for_null() -> None:
    assert arguments_of("validate_run", max_reject_share=0)["--max-reject-share"] == "0"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_argument_is_a_string_as_emr_wants_it(stage: Stage) -> None:
    words = stage_arguments(stage, LAYOUT, PARAMS | {"sample_limit": 3, "explained_variance": 1})

    assert all(isinstance(word, str) and word for word in words)
