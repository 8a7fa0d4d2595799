"""The EMR step of each stage, word by word."""

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


def test_the_stages_run_in_this_order() -> None:
    assert [stage.name for stage in STAGES] == ["ingest_images", "featurize_images", "reduce_features", "validate_run"]


def test_a_param_that_is_set_reaches_the_job() -> None:
    assert arguments_of("ingest_images", sample_limit=10)["--sample-limit"] == "10"


def test_featurize_images_gets_the_network_and_where_models_and_earlier_vectors_lie() -> None:
    assert arguments_of("featurize_images") == {
        "--manifest-uri": f"{RUN}/manifest",
        "--feature-store-uri": "s3://b/feature_store",
        "--images-uri": f"{RUN}/images",
        "--features-uri": f"{RUN}/features",
        "--rejects-uri": f"{RUN}/rejects",
        "--models-uri": "s3://b/models",
        "--backbone": "mobilenet_v2",
        "--weights": "imagenet",
        "--resize": "bilinear",
        "--engine": "openvino",
        "--precision": "float32",
        "--stats-uri": f"{RUN}/stats/featurize_images.json",
        "--progress-uri": f"{RUN}/progress/featurize_images.json",
    }


def test_what_a_vector_is_known_by_and_what_computes_it_are_the_same() -> None:
    ingest, featurize = arguments_of("ingest_images"), arguments_of("featurize_images")
    network = ("--backbone", "--weights", "--resize", "--engine", "--precision", "--models-uri", "--feature-store-uri")

    assert [ingest[name] for name in network] == [featurize[name] for name in network]


def test_reduce_features_gets_a_number_of_components_and_when_to_fit_anew() -> None:
    assert arguments_of("reduce_features", formats=["parquet", "csv"]) == {
        "--features-uri": f"{RUN}/features",
        "--model-uri": f"{RUN}/model",
        "--pca-features-uri": f"{RUN}/pca_features",
        "--pca-features-csv-uri": f"{RUN}/pca_features_csv",
        "--stats-prefix-uri": f"{RUN}/stats",
        "--published-uri": "s3://b/published/latest.json",
        "--reduce": "refit",
        "--refit-share": "0.1",
        "--refit-drift": "0.02",
        "--pca-components": "200",
        "--formats": "parquet,csv",
        "--stats-uri": f"{RUN}/stats/reduce_features.json",
        "--progress-uri": f"{RUN}/progress/reduce_features.json",
    }


def test_explained_variance_decides_when_it_is_given() -> None:
    given = arguments_of("reduce_features", explained_variance=0.95)

    assert given["--explained-variance"] == "0.95"
    assert "--pca-components" not in given


def test_validate_run_gets_all_it_checks_and_what_is_published() -> None:
    assert arguments_of("validate_run") == {
        "--manifest-uri": f"{RUN}/manifest",
        "--rejects-uri": f"{RUN}/rejects",
        "--features-uri": f"{RUN}/features",
        "--model-uri": f"{RUN}/model",
        "--pca-features-uri": f"{RUN}/pca_features",
        "--report-uri": f"{RUN}/report",
        "--stats-prefix-uri": f"{RUN}/stats",
        "--published-uri": "s3://b/published/latest.json",
        "--max-reject-share": "0.05",
        "--stats-uri": f"{RUN}/stats/validate_run.json",
        "--progress-uri": f"{RUN}/progress/validate_run.json",
    }


def test_a_limit_of_zero_is_given_and_not_taken_for_null() -> None:
    assert arguments_of("validate_run", max_reject_share=0)["--max-reject-share"] == "0"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_argument_is_a_string_as_emr_wants_it(stage: Stage) -> None:
    words = stage_arguments(stage, LAYOUT, PARAMS | {"sample_limit": 3, "explained_variance": 1})

    assert all(isinstance(word, str) and word for word in words)
