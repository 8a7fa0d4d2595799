"""A run that nobody triggered: it repeats what is published, in every task, and changes no identity by itself."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from emr_pipeline.operators.add_step import AddStepOperator
from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.operators.create_cluster import CreateClusterOperator
from emr_pipeline.operators.publish import PublishOperator
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.run.stages import STAGES, stage_arguments
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.repeat import repeated_params
from emr_pipeline.snapshots.rollback import Rollback, roll_back
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSkipException
from run_contract.cluster_sizes import SIZES
from tests.plugins.fake_emr import FakeEmr
from tests.plugins.published_runs import freeze_inventory, latest, make_run, publish_run, stage_imagenet

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
RESNET = {"backbone": "resnet50", "weights": "random:0", "pca_components": 50}
AUTOMATIC_RUN = "asset_triggered__2026-11-21T16:00:00+00:00"


@pytest.fixture
def automatic(context: Any) -> Any:
    """The context of a run that an asset triggered: nobody has seen its form."""
    context["dag_run"].run_id, context["dag_run"].run_type = AUTOMATIC_RUN, "asset_triggered"
    context["params"]["run"] = None
    return context


@pytest.fixture
def photographs(s3: Any) -> None:
    stage_imagenet(s3)
    s3.put_object(Bucket="pictures", Key="landing/apple/1.jpg", Body=b"jpeg")


def check(settings: Settings, context: Any) -> str:
    return CheckRunOperator(task_id="check_run", settings=settings, region_name="us-east-1").execute(context)


def publish(s3: Any, **changed: Any) -> None:
    """As a person did by hand: ResNet50 with random weights and 50 components, but for what is changed."""
    params = publish_run(s3, "by-hand")["params"] | RESNET | changed.pop("params", {})
    publish_run(s3, "by-hand", params=params, **changed)


def options_of(step: dict[str, Any]) -> dict[str, str]:
    words = step["Config"]["Args"][5:]
    return dict(zip(words[1::2], words[2::2], strict=True))


@pytest.mark.usefixtures("photographs")
def test_every_step_of_an_automatic_run_has_the_params_of_what_is_published(
    settings: Settings, s3: Any, emr: FakeEmr, automatic: Any
) -> None:
    publish(s3)
    check(settings, automatic)
    emr.add_cluster("j-1", "fruit_features pictures r", "RUNNING", {})
    asked = {}
    for stage in STAGES:
        add = AddStepOperator(
            task_id="a", settings=settings, stage=stage, job_flow_id="j-1", code_uri="s3://pictures/code/1",
            region_name="us-east-1",
        )  # fmt: skip
        step_id = add.execute(automatic)
        asked[stage.name] = options_of(emr.steps["j-1"][step_id])
        s3.put_object(
            Bucket="pictures", Key=asked[stage.name]["--stats-uri"].removeprefix("s3://pictures/"), Body=b"{}"
        )

    for network in (asked["ingest_images"], asked["featurize_images"]):
        assert (network["--backbone"], network["--weights"]) == ("resnet50", "random:0")
    assert asked["reduce_features"]["--pca-components"] == "50"
    assert asked["ingest_images"]["--source-uri"] == "s3://pictures/landing"


@pytest.mark.usefixtures("photographs")
def test_the_snapshot_of_an_automatic_run_says_the_params_that_it_repeated(
    settings: Settings, s3: Any, automatic: Any
) -> None:
    publish(s3)
    run = check(settings, automatic).rpartition("/")[2]
    make_run(s3, run)

    PublishOperator(
        task_id="publish", settings=settings, code_uri="s3://pictures/code/1", region_name="us-east-1"
    ).execute(automatic)

    assert latest(s3)["run"] == run
    assert latest(s3)["params"].items() >= RESNET.items()


@pytest.mark.usefixtures("photographs")
def test_the_size_of_the_cluster_is_the_deployments(settings: Settings, s3: Any, emr: FakeEmr, automatic: Any) -> None:
    publish(s3)
    settings = replace(settings, params={"cluster_size": "medium"})
    check(settings, automatic)

    cluster_id = CreateClusterOperator(
        task_id="create_cluster", settings=settings, code_uri="s3://pictures/code/1", region_name="us-east-1"
    ).execute(automatic)

    fleets = emr.clusters[cluster_id]["Request"]["Instances"]["InstanceFleets"]
    (core,) = [fleet for fleet in fleets if fleet["InstanceFleetType"] == "CORE"]
    assert core["TargetOnDemandCapacity"] == SIZES["medium"].core != SIZES["small"].core


@pytest.mark.usefixtures("photographs")
def test_without_a_snapshot_an_automatic_run_takes_the_deployments_settings(settings: Settings, automatic: Any) -> None:
    settings = replace(settings, params={"weights": "random:3", "explained_variance": 0.9})

    check(settings, automatic)

    taken = automatic["ti"].pushed["run_params"]
    assert (taken["backbone"], taken["weights"], taken["explained_variance"]) == ("mobilenet_v2", "random:3", 0.9)


@pytest.mark.usefixtures("photographs")
@pytest.mark.parametrize(
    "given",
    [
        {"backbone": "vgg16"},
        {"weights": "random:1"},
        {"precision": "bfloat16"},
        {"engine": "tensorflow"},
        {"resize": "bicubic"},
    ],
)
def test_a_setting_that_would_change_the_vectors_waits_for_a_person(
    settings: Settings, s3: Any, automatic: Any, given: dict[str, str]
) -> None:
    publish(s3)
    settings, ((name, value),) = replace(settings, params=given), given.items()

    with pytest.raises(AirflowFailException, match=f"{name} is '{value}', not .*trigger fruit_features by hand"):
        check(settings, automatic)

    automatic["dag_run"].run_type = "manual"
    automatic["params"] |= RESNET | given | {"run": "r"}
    assert check(settings, automatic) == "s3://pictures/runs/r"


@pytest.mark.usefixtures("photographs")
def test_a_setting_that_leaves_the_vectors_alone_goes_before_what_is_published(
    settings: Settings, s3: Any, automatic: Any
) -> None:
    publish(s3, params={"pca_components": None, "explained_variance": 0.9})

    check(replace(settings, params={"pca_components": 30, "reduce": "auto"}), automatic)

    taken = automatic["ti"].pushed["run_params"]
    assert (taken["backbone"], taken["reduce"]) == ("resnet50", "auto")
    assert (taken["pca_components"], taken["explained_variance"]) == (30, None)


@pytest.mark.usefixtures("photographs")
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"params": {"weights": "s3://pictures/own.h5"}, "weights_etag": "another"}, "own.h5 has changed"),
        (
            {"params": {"weights": "imagenet", "backbone": "mobilenet_v2"}, "identity": {"weights_sha256": "another"}},
            "staged weights imagenet have the SHA-256 of the file, not another",
        ),
        ({"identity": {"preprocessing_version": -1}}, "of the preprocessing, not -1"),
    ],
)
def test_what_else_makes_other_vectors_waits_for_a_person_too(
    settings: Settings, s3: Any, automatic: Any, changed: dict[str, Any], why: str
) -> None:
    s3.put_object(Bucket="pictures", Key="own.h5", Body=b"weights")
    publish(s3, **changed)

    with pytest.raises(AirflowFailException, match=why):
        check(settings, automatic)


@pytest.mark.usefixtures("photographs")
def test_a_run_that_a_person_triggered_takes_its_form_whatever_is_published(
    settings: Settings, s3: Any, context: Any
) -> None:
    publish(s3)

    assert check(settings, context) == "s3://pictures/runs/r"
    assert "run_params" not in context["ti"].pushed


def test_a_stage_of_an_automatic_run_that_check_run_did_not_pass_is_refused(
    settings: Settings, s3: Any, emr: FakeEmr, automatic: Any
) -> None:
    emr.add_cluster("j-1", "fruit_features pictures r", "RUNNING", {})
    add = AddStepOperator(task_id="a", settings=settings, stage=STAGES[0], job_flow_id="j-1", code_uri="s3://p/c")

    with pytest.raises(AirflowFailException, match="clear check_run"):
        add.execute(automatic)
    assert not emr.steps["j-1"]


def test_no_task_reads_the_form_itself_but_for_what_no_automatic_run_repeats() -> None:
    readers = [path.name for path in PLUGINS.rglob("*.py") if 'context["params"]' in path.read_text(encoding="utf-8")]

    # The name of the run's folder; the form of a run that a person triggered, twice; and that of another DAG.
    assert sorted(readers) == ["check_run.py", "dag_run.py", "roll_back.py", "run_params.py"]


def test_labels_and_sample_of_other_photographs_are_not_repeated() -> None:
    form = {"source_uri": "s3://b/landing/", "labels": None, "sample_limit": None, "backbone": "mobilenet_v2"}
    params = {"labels": "s3://b/other.csv", "sample_limit": 5, "backbone": "resnet50"}

    published = {"params": params, "licence": "CC BY 4.0"}
    same = repeated_params(form, {}, {"source_uri": "s3://b/landing", **published})
    other = repeated_params(form, {}, {"source_uri": "s3://b/other", **published})
    assert (same["licence"], other.get("licence")) == ("CC BY 4.0", None)

    assert (same["labels"], same["sample_limit"], same["backbone"]) == ("s3://b/other.csv", 5, "resnet50")
    assert (other["labels"], other["sample_limit"], other["backbone"]) == (None, None, "resnet50")


@pytest.mark.usefixtures("photographs")
def test_an_automatic_run_that_waited_while_readers_went_back_undoes_nothing(
    settings: Settings, s3: Any, automatic: Any
) -> None:
    publish_run(s3, "before")
    freeze_inventory(s3, "before")
    s3.put_object(Bucket="pictures", Key="landing/apple/2.jpg", Body=b"jpeg")
    bad = publish_run(s3, "bad", hour=1)
    freeze_inventory(s3, "bad")
    roll_back(Published(s3, "pictures"), Rollback(bad["previous"], "manual__back", datetime.now(UTC)))

    with pytest.raises(
        AirflowSkipException, match=rf"photographs of snapshot {bad['snapshot']}, and readers were taken"
    ):
        check(settings, automatic)

    s3.put_object(Bucket="pictures", Key="landing/apple/3.jpg", Body=b"jpeg")
    assert check(settings, automatic)


@pytest.mark.usefixtures("photographs")
def test_a_photograph_that_is_deleted_stops_no_automatic_run_for_its_row_of_the_labels_file(
    settings: Settings, s3: Any, automatic: Any, caplog: pytest.LogCaptureFixture
) -> None:
    s3.put_object(Bucket="pictures", Key="own.csv", Body=b"path,label\napple/1.jpg,a\napple/gone.jpg,b\n")
    publish(s3, params={"labels": "s3://pictures/own.csv"})

    with caplog.at_level("WARNING", "emr_pipeline.s3.labels"):
        check(settings, automatic)

    assert "labels=s3://pictures/own.csv: 1 paths are not below s3://pictures/landing" in caplog.text
    words = stage_arguments(STAGES[0], RunLayout("pictures", "r"), automatic["ti"].pushed["run_params"])
    assert words[words.index("--unknown-labels") + 1] == "warn"
    with pytest.raises(AirflowFailException, match="1 paths are not below"):
        check(replace(settings, params={"unknown_labels": "refuse"}), automatic)
