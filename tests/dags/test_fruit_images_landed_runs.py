"""fruit_images_landed by Airflow's own `DAG.test`, waits and all: two Airflows on one bucket give one signal."""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.faults.airflow_home import FaultHome
from tests.local_aws.conftest import REGION, Endpoint, endpoint, spark_env

__all__ = ["endpoint", "spark_env"]

SETTINGS = {"FRUIT_FEATURES_LANDING_SETTLE_S": "2"}
LIMIT_S = 200


@pytest.fixture
def s3(endpoint: Endpoint) -> Any:
    return boto3.client("s3", endpoint_url=endpoint.url, **REGION)  # type: ignore[call-overload]


def results(homes: list[FaultHome], bucket: str, endpoint: Endpoint, run: str) -> list[dict[str, Any]]:
    """What the DAG's tasks came to, in all of these Airflows at once."""
    started = [home.start("fruit_images_landed", {}, bucket, endpoint.url, SETTINGS, run) for home in homes]
    for process, home in zip(started, homes, strict=True):
        assert process.wait(timeout=LIMIT_S) == 0, home.log_text("fruit_images_landed", run)[-4000:]
    return [json.loads(home.result_path("fruit_images_landed", run).read_text()) for home in homes]


@pytest.mark.slow
@pytest.mark.timeout(3 * LIMIT_S)
def test_of_two_airflows_that_find_the_same_photographs_one_signals_and_nothing_is_signalled_twice(
    endpoint: Endpoint, s3: Any, tmp_path: Path
) -> None:
    python = Path(sys.executable)
    one = FaultHome.migrated(tmp_path / "one", python)
    homes = [one, one.copy(tmp_path / "other")]
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"landing/{number}.jpg", Body=b"jpeg")

    first = results(homes, bucket, endpoint, "first")
    again = results(homes[:1], bucket, endpoint, "again")

    assert {run["state"] for run in first + again} == {"success"}
    assert [run["errors"] for run in first + again] == [[], [], []]
    assert sorted(run["tasks"]["signal_new_images"] for run in first) == ["skipped", "success"]
    assert again[0]["tasks"] == {"wait_until_settled": "skipped", "signal_new_images": "skipped"}
    landed = json.loads(s3.get_object(Bucket=bucket, Key="landed/latest.json")["Body"].read())
    assert landed["changes"] == {"new": 3, "changed": 0, "gone": 0, "objects": 3}
    assert landed["by"] in [run["run_id"] for run in first]
