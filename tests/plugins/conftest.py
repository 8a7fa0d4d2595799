"""An Airflow of the tests' own, an S3 in this process, a scripted EMR, and the context that a task is executed in."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.messages import Told
from tests.plugins.form import PARAMS


class OutletEvents:
    """One event for each asset, as Airflow keeps them: assets of one URI are the same."""

    def __init__(self) -> None:
        self.events: dict[str, SimpleNamespace] = {}

    def __getitem__(self, asset: Any) -> SimpleNamespace:
        return self.events.setdefault(asset.uri, SimpleNamespace())


@pytest.fixture(scope="session", autouse=True)
def models_of_aws_are_read_once() -> Iterator[None]:
    """That took half of a test's time."""
    from botocore.loaders import JSONFileLoader

    from tests.aws_models import reading_once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", reading_once())
        yield


@pytest.fixture
def settings() -> Any:
    from emr_pipeline.settings import Settings

    return Settings.from_environment(
        {
            "FRUIT_FEATURES_BUCKET": "pictures",
            "FRUIT_FEATURES_REGION": "us-east-1",
            "FRUIT_FEATURES_POLL_S": "1",
            "FRUIT_FEATURES_LOG_WAIT_S": "0",
        }
    )


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket `pictures` in moto's S3, as any hook sees it."""
    import boto3
    from moto import mock_aws

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="pictures")
        yield client


@pytest.fixture
def told(s3: Any) -> Told:
    """A topic of SNS, and what reaches it."""
    import boto3

    sns, sqs = (boto3.client(name, region_name="us-east-1") for name in ("sns", "sqs"))
    return Told.at(sns, sqs, "told")


@pytest.fixture
def telling(settings: Any, told: Told) -> Any:
    """The settings with a channel."""
    return replace(settings, messages=(told.topic_arn,))


@pytest.fixture
def emr(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripted EMR, as any hook and any trigger sees it."""
    from airflow.providers.amazon.aws.hooks.emr import EmrHook

    from tests.plugins.fake_emr import AsyncEmr, FakeEmr

    fake = FakeEmr()

    async def get_async_conn(self: EmrHook) -> AsyncEmr:
        return AsyncEmr(fake)

    monkeypatch.setattr(EmrHook, "conn", fake, raising=False)
    monkeypatch.setattr(EmrHook, "get_conn", lambda self, *_: fake)
    monkeypatch.setattr(EmrHook, "get_async_conn", get_async_conn)
    return fake


@pytest.fixture
def context() -> dict[str, Any]:
    """What Airflow gives a task to execute with, as far as this project's tasks look at it."""
    pushed: dict[str, Any] = {}
    states: dict[str, str] = {}
    teardowns = ("terminate_cluster", "remove_old_runs")
    return {
        "params": dict(PARAMS),
        "dag": SimpleNamespace(
            dag_id="fruit_features", get_task=lambda name: SimpleNamespace(is_teardown=name in teardowns)
        ),
        "dag_run": SimpleNamespace(run_id="manual__2026-11-20T16:00:00+00:00", run_type="manual"),
        "ti": SimpleNamespace(
            xcom_push=lambda key, value: pushed.update({key: value}),
            xcom_pull=lambda task_ids, key: pushed.get(key),
            pushed=pushed,
            try_number=1,
            max_tries=2,
            states=states,
            get_task_states=lambda dag_id, run_ids: dict.fromkeys(run_ids, states),
        ),
        "outlet_events": OutletEvents(),
    }


@pytest.fixture
def step(emr: Any) -> Any:
    """The scripted EMR with a cluster `j-1` and its running step `s-1`."""
    emr.add_cluster("j-1", "fruit_features pictures r", "RUNNING", {})
    emr.steps["j-1"]["s-1"] = {
        "Id": "s-1",
        "Name": "featurize_images r",
        "Config": {"Args": []},
        "Status": {"State": "RUNNING"},
    }
    return emr


@pytest.fixture
def sensor(settings: Any, s3: Any, step: Any) -> Any:
    """What waits for `s-1`, the step of featurize_images."""
    from emr_pipeline.operators.wait_for_step import WaitForStepSensor
    from emr_pipeline.run.stages import STAGES

    return WaitForStepSensor(
        task_id="wait_for_step",
        settings=settings,
        stage=STAGES[1],
        job_flow_id="j-1",
        step_id="s-1",
        code_uri="s3://pictures/code/1",
        region_name="us-east-1",
        botocore_config={"retries": {"mode": "standard"}},
        retries=2,
    )
