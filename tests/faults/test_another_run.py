"""Not faults, but here for the two Airflows: what a run makes of what an earlier one has published, by `DAG.test`.

First by its name, so that it goes on beside the faults' rows.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faults.airflow_home import FaultHome
from tests.faults.endpoint import Endpoint
from tests.faults.live_airflow import LiveAirflow
from tests.faults.live_scene import LiveScene
from tests.faults.permissions import denied
from tests.faults.proxy import Request
from tests.faults.scene import Scene
from tests.messages import facts

# Several whole runs each, while the rows take the machine.
pytestmark = [pytest.mark.usefixtures("rows_under_way"), pytest.mark.timeout(900)]
# What ingest_images leaves for the next run to compare with.
FREEZE_INVENTORY = """
import csv, gzip, io
bucket, _, prefix = GIVEN["--source-uri"].removeprefix("s3://").partition("/")
text = io.StringIO()
rows = csv.writer(text)
rows.writerow(["key", "size_bytes", "etag"])
for found in S3.list_objects_v2(Bucket=bucket, Prefix=prefix + "/")["Contents"]:
    rows.writerow([found["Key"], found["Size"], found["ETag"].strip('"')])
S3.put_object(**where(GIVEN["--inventory-uri"]), Body=gzip.compress(text.getvalue().encode()))
"""
CHANGED = {"check_run", "stage_code", "create_cluster", "publish", "terminate_cluster", "remove_old_runs"}


@pytest.fixture
def scene(request: pytest.FixtureRequest, airflow_home: FaultHome, shared_endpoint: Endpoint, tmp_path: Path) -> Any:
    name = re.sub(r"^test_", "", request.node.name)[:40]
    scene = Scene.of(name, airflow_home.copy(tmp_path / "home"), shared_endpoint)
    scene.befores = {"ingest_images": FREEZE_INVENTORY}
    scene.stage()
    with scene.proxy:
        yield scene
    # These runs make every call that Airflow's role makes, but for a cancelled step's and the queue's.
    assert denied(scene.proxy.requests, scene.bucket) == []


def latest(scene: Scene) -> Any:
    return json.loads(scene.published())


def test_nothing_new_is_green_and_makes_no_cluster_and_one_photograph_more_makes_one(scene: Scene) -> None:
    first = scene.run_dag(run="first")
    assert first["state"] == "success", first
    assert set(first["tasks"].values()) == {"success"}
    published = latest(scene)

    second = scene.run_dag(run="second")

    assert second["state"] == "success"
    assert set(second["tasks"].values()) == {"skipped"}, second["tasks"]
    assert set(second["tasks"]) >= CHANGED
    assert second["errors"] == []
    assert len(scene.clusters()) == 1
    assert latest(scene) == published
    said = scene.home_of("second").log_text("fruit_features", "second")
    assert f"nothing new since snapshot {published['snapshot']} of run first" in said
    assert "make run FORCE=1" in said

    scene.s3.put_object(Bucket=scene.bucket, Key="landing/apple/2.jpg", Body=b"another picture")
    third = scene.run_dag(run="third")

    assert third["state"] == "success"
    assert latest(scene)["run"] == "third"
    assert len(scene.clusters()) == 2


def test_a_run_that_nobody_triggered_repeats_the_params_of_the_one_that_somebody_did(
    live_airflow: LiveAirflow, shared_endpoint: Endpoint
) -> None:
    scene = LiveScene.of("automatic runs repeat", live_airflow.home, shared_endpoint, airflow=live_airflow)
    resnet = {"backbone": "resnet50", "weights": "random:0", "pca_components": 50}
    with scene.proxy:
        scene.listen()
        scene.stage()
        live_airflow.trigger(scene.dag_id, "by-hand", scene.conf("by-hand") | resnet)
        assert scene.finished("by-hand")["state"] == "success"
        scene.s3.put_object(Bucket=scene.bucket, Key="landing/apple/2.jpg", Body=b"another picture")

        result = scene.finished(scene.signal_new_images())

    assert (result["state"], result["errors"]) == ("success", [])
    assert scene.people
    assert sorted(facts(scene.people.read())) == sorted(f"published-{snapshot}" for snapshot in scene.snapshots())
    assert latest(scene)["run"].startswith("asset_triggered")
    assert latest(scene)["params"].items() >= resnet.items()
    by_run: dict[str, dict[str, list[str]]] = {}
    for step in scene.steps():
        stage, run = step["Name"].split()
        by_run.setdefault(run, {})[stage] = step["Config"]["Args"]
    asked, repeated = by_run["by-hand"], by_run[latest(scene)["run"]]
    for stage, words in asked.items():
        own = [word.replace("by-hand", latest(scene)["run"]) for word in words]
        # Nobody corrects the labels file of a run that nobody watches: it warns.
        assert [{"refuse": "warn"}.get(word, word) for word in own] == repeated[stage]


def test_old_runs_that_cannot_be_removed_leave_the_run_green_and_their_task_red(scene: Scene) -> None:
    scene.settings |= {"FRUIT_FEATURES_KEEP_SNAPSHOTS": "2"}
    for number in range(3):
        scene.s3.put_object(Bucket=scene.bucket, Key="landing/apple/1.jpg", Body=b"picture %d" % number)
        assert scene.run_dag(run=f"run{number}")["tasks"]["remove_old_runs"] == "success"
    scene.s3.put_object(Bucket=scene.bucket, Key="landing/apple/1.jpg", Body=b"picture 3")
    published: list[str] = []

    def is_removal(request: Request) -> bool:
        # Before it publishes, a run deletes statistics of its own.
        if request.operation == "S3 PUT" and "published/latest.json" in request.path:
            published.append(request.path)
        return bool(published) and request.operation == "S3 POST" and "delete" in request.path

    scene.refuse(is_removal, 403, "AccessDenied", times=99)

    refused = scene.run_dag(run="run3")

    assert refused["tasks"]["remove_old_runs"] == "failed"
    assert refused["tasks"]["publish"] == "success"
    assert refused["state"] == "success"
    assert latest(scene)["run"] == "run3"
    assert not scene.has_object(f"s3://{scene.bucket}/runs/run0/stats/")
