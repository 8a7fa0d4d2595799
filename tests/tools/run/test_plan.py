"""A plan is the forecast that check_run would make, and needs no run: here, and for a deployment's bucket."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.run.cost_forecast import lines
from emr_pipeline.task.airflow_compat import AirflowFailException
from tests.plugins.conftest import context, models_of_aws_are_read_once, s3, settings
from tests.plugins.published_runs import BUCKET, freeze_inventory, publish_run, put, stage_imagenet
from tests.tools.local.test_endpoint import home
from tools.local.home import REPOSITORY, LocalHome
from tools.local.processes import find_background
from tools.run.plan import PlanError, main, plan

__all__ = ["context", "home", "models_of_aws_are_read_once", "s3", "settings"]


def photographs(s3: Any, count: int) -> None:
    for number in range(count):
        s3.put_object(Bucket=BUCKET, Key=f"landing/apple/{number}.jpg", Body=b"jpeg")


def test_it_says_what_check_run_says(settings: Any, s3: Any, context: Any) -> None:
    stage_imagenet(s3)
    photographs(s3, 5)
    before = publish_run(s3, "before")
    freeze_inventory(s3, "before")
    put(s3, "runs/before/stats/featurize_images.json", {
        "details": {"images_per_second": 40.0, "vectors": {"computed": 4800}}
    })  # fmt: skip
    cluster = {"units": {"ON_DEMAND": 3}, "created_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:10:00Z"}
    put(s3, "costs/before.json", {"clusters": [cluster | {"dag_run_id": before["dag_run_id"]}]})
    photographs(s3, 7)
    context["params"] |= {"max_cost": 0}
    with pytest.raises(AirflowFailException) as refusal:
        CheckRunOperator(task_id="check_run", settings=settings, region_name="us-east-1").execute(context)

    found, said = plan({}, s3, settings)

    assert f"for {said}, the forecast is {'; '.join(lines(found))}, and" in str(refusal.value)
    assert said == "at most 2 vectors of 7 objects, by the rates of run before, which computed 4,800 vectors"


def test_a_larger_backbone_costs_more_and_a_sample_less(settings: Any, s3: Any) -> None:
    photographs(s3, 300)

    def dollars(**asked: Any) -> float:
        return plan(asked, s3, settings)[0][0].dollars

    assert dollars(backbone="vgg16", weights="random:0") > dollars() > dollars(sample_limit=10)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"source_uri": "s3://pictures/landing/none"}, "SOURCE=s3://pictures/landing/none: nothing lies there"),
        ({"source_uri": "s3://no-such-bucket/x"}, "S3 does not answer for s3://no-such-bucket/x .*NoSuchBucket"),
        ({"pca_components": 600, "backbone": "vgg16"}, "give at most 512"),
    ],
)
def test_what_no_run_could_do_is_refused(settings: Any, s3: Any, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan(asked, s3, settings)


@pytest.mark.slow
def test_on_one_machine_a_folder_is_enough_and_nothing_is_left_running(home: LocalHome, tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "pictures" / "apple" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"jpeg %d" % number)
    variables = {"LOCAL_HOME": home.root, "LOCAL_AWS_PORT": home.aws_port, "SOURCE": tmp_path / "pictures"}
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    environment |= {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}", "GIVEN_TO_MAKE": "SOURCE JSON BACKBONE"}

    done = subprocess.run(
        [sys.executable, "-m", "tools.run.plan", "--json", "BACKBONE=resnet50"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [each["size"] for each in told["forecast"]] == ["small", "medium", "large", "auto"]
    assert told["for"].startswith("at most 3 vectors of 3 objects")
    assert not find_background(home, "local_aws").is_alive()


def test_an_interrupted_plan_says_so_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.run.plan._planned", lambda *_: os.kill(os.getpid(), signal.SIGHUP))
    assert main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"
