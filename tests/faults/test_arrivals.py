"""No fault: photographs arrive at a live Airflow by requests to S3, and all that follows happens by itself.

First by its name, so that it goes on beside the faults' rows. Spark is real: what is computed is what counts.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.faults.airflow_home import REPOSITORY, FaultHome
from tests.faults.endpoint import Endpoint, free_port
from tests.faults.live_airflow import LiveAirflow
from tests.faults.proxy import FaultyProxy
from tests.faults.scene import Scene
from tools.data.demo_photos import make_demo_photos
from tools.local.home import LocalHome

BUCKET, DAG_ID, LANDED = "arrivals", "fruit_features", "fruit_images_landed"
RUN_LIMIT_S = 600
BY_HAND = {"run": "by-hand", "weights": "random:0", "pca_components": 3, "source_uri": f"s3://{BUCKET}/landing"}
OVER = ("success", "failed")

pytestmark = [pytest.mark.usefixtures("rows_under_way"), pytest.mark.timeout(2400)]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    with Endpoint(tmp_path / "endpoint", LocalHome.from_environment().spark_env_path) as endpoint:
        yield endpoint


@pytest.fixture
def airflow(airflow_home: FaultHome, endpoint: Endpoint, tmp_path: Path) -> Iterator[LiveAirflow]:
    """The project's own two DAGs, for a bucket whose S3 writes to a queue; fruit_images_landed begins paused."""
    endpoint.s3.create_bucket(Bucket=BUCKET)
    settings = {
        "FRUIT_FEATURES_CODE_URI": "",
        "FRUIT_FEATURES_NODE_VENV": str(LocalHome.from_environment().spark_env_path),
        "FRUIT_FEATURES_POLL_S": "3",
        "FRUIT_FEATURES_LANDING_QUEUE_URL": queue_of_landed(endpoint),
        "FRUIT_FEATURES_LANDING_SETTLE_S": "4",
        "FRUIT_FEATURES_LANDING_EVERY_S": "86400",
    }
    home = airflow_home.copy(tmp_path / "live", free_port())
    with LiveAirflow(home, home.environment(BUCKET, endpoint.url, settings)) as airflow:
        for dag_id in (DAG_ID, LANDED):
            shutil.copy(REPOSITORY / "dags" / f"{dag_id}.py", airflow.dags_folder)
        airflow.wait_for_dag(DAG_ID)
        yield airflow


def queue_of_landed(endpoint: Endpoint) -> str:
    """As docs/landing.md makes it."""
    url = str(endpoint.sqs.create_queue(QueueName="landing")["QueueUrl"])
    queue: dict[str, Any] = {
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:landing",
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "landing/"}]}},
    }
    endpoint.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [queue]}
    )
    return url


def runs_of(airflow: LiveAirflow, dag_id: str, run_type: str) -> list[dict[str, Any]]:
    """The DAG's runs of one type, the oldest first."""
    found = airflow.request("GET", f"dags/{dag_id}/dagRuns?limit=100&order_by=run_after")["dag_runs"]
    return [run for run in found if run["run_type"] == run_type]


def switch_on(scene: Scene, airflow: LiveAirflow, dag_id: str) -> None:
    def is_on() -> bool:
        try:
            return not airflow.request("PATCH", f"dags/{dag_id}", {"is_paused": False})["is_paused"]
        except HTTPError as error:
            assert error.code == 404, error
            return False

    scene.wait_for(f"{dag_id}, switched on", is_on)


def published(scene: Scene) -> Any:
    return json.loads(scene.published())


def test_photographs_that_land_are_computed_and_published_by_themselves_and_so_is_a_burst(
    airflow: LiveAirflow, endpoint: Endpoint, tmp_path: Path
) -> None:
    scene = Scene(BUCKET, airflow.home, endpoint, FaultyProxy(endpoint.port))
    photos = sorted(make_demo_photos(tmp_path / "demo").glob("T*/*/*_100.jpg"))

    def land(first: int, count: int) -> None:
        for photo in photos[first : first + count]:
            key = f"landing/{photo.relative_to(tmp_path / 'demo')}"
            endpoint.s3.put_object(Bucket=BUCKET, Key=key, Body=photo.read_bytes())

    def automatic(number: int) -> Any:
        """The run of this number that nobody triggered, once there is one."""
        return next(iter(runs_of(airflow, DAG_ID, "asset_triggered")[number:]), None)

    def finished(number: int) -> str:
        scene.wait_for(f"automatic run {number}", lambda: automatic(number), 180)
        scene.wait_for("its end", lambda: automatic(number)["state"] in OVER, RUN_LIMIT_S)
        run_id = str(automatic(number)["dag_run_id"])
        assert automatic(number)["state"] == "success", airflow.errors(DAG_ID, run_id)
        return run_id

    land(0, 6)
    airflow.trigger(DAG_ID, "by-hand", BY_HAND)
    scene.wait_for("the run by hand", lambda: airflow.run_state(DAG_ID, "by-hand") in OVER, RUN_LIMIT_S)
    assert published(scene)["run"] == "by-hand", airflow.errors(DAG_ID, "by-hand")
    switch_on(scene, airflow, LANDED)
    # Airflow watches the queue from the next parse of the file on; here that would be in an hour, elsewhere in 30 s.
    (airflow.dags_folder / f"{LANDED}.py").touch()

    land(6, 4)
    scene.running_step("featurize_images")
    land(10, 9)
    first = finished(0)
    second = finished(1)

    snapshot = published(scene)
    before = json.loads(
        endpoint.s3.get_object(Bucket=BUCKET, Key=f"published/{snapshot['previous']}.json")["Body"].read()
    )
    assert (before["dag_run_id"], snapshot["dag_run_id"]) == (first, second)
    counts = [(found["vectors"]["computed"], found["vectors"]["reused"]) for found in (before, snapshot)]
    assert counts == [(4, 6), (9, 10)]
    assert [found["summary"]["images"] for found in (before, snapshot)] == [10, 19]
    assert snapshot["params"].items() >= {"weights": "random:0", "pca_components": 3}.items()
    scene.wait_for(
        "looks that are over", lambda: all(r["state"] in OVER for r in runs_of(airflow, LANDED, "asset_triggered"))
    )
    assert len(runs_of(airflow, DAG_ID, "asset_triggered")) == 2
    assert [cluster["Status"]["State"] for cluster in scene.clusters()] == ["TERMINATED"] * 3
