"""Not a fault, but here for the two Airflows: fruit_images_landed by `DAG.test`, waits and all, on one bucket."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.faults.airflow_home import FaultHome
from tests.faults.endpoint import Endpoint

BUCKET = "landing-twice"
SETTINGS = {"FRUIT_FEATURES_LANDING_SETTLE_S": "2"}
LIMIT_S = 200


def results(homes: list[FaultHome], endpoint: Endpoint, run: str) -> list[dict[str, Any]]:
    """What the DAG's tasks came to, in all of these Airflows at once."""
    started = [home.start("fruit_images_landed", {}, BUCKET, endpoint.url, SETTINGS, run) for home in homes]
    for process, home in zip(started, homes, strict=True):
        assert process.wait(timeout=LIMIT_S) == 0, home.log_text("fruit_images_landed", run)[-4000:]
    return [json.loads(home.result_path("fruit_images_landed", run).read_text()) for home in homes]


@pytest.mark.timeout(3 * LIMIT_S)
def test_of_two_airflows_that_find_the_same_photographs_one_signals_and_nothing_is_signalled_twice(
    airflow_home: FaultHome, shared_endpoint: Endpoint, tmp_path: Path
) -> None:
    homes = [airflow_home.copy(tmp_path / name) for name in ("one", "other")]
    s3: Any = boto3.client("s3", "us-east-1", endpoint_url=shared_endpoint.url)
    s3.create_bucket(Bucket=BUCKET)
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"landing/{number}.jpg", Body=b"jpeg")

    first = results(homes, shared_endpoint, "first")
    again = results(homes[:1], shared_endpoint, "again")

    assert {run["state"] for run in first + again} == {"success"}
    assert [run["errors"] for run in first + again] == [[], [], []]
    assert sorted(run["tasks"]["signal_new_images"] for run in first) == ["skipped", "success"]
    assert again[0]["tasks"] == {"wait_until_settled": "skipped", "signal_new_images": "skipped"}
    landed = json.loads(s3.get_object(Bucket=BUCKET, Key="landed/latest.json")["Body"].read())
    assert landed["changes"] == {"new": 3, "changed": 0, "gone": 0, "objects": 3}
    assert landed["by"] in [run["run_id"] for run in first]
