"""A running local endpoint for what rests on S3's and SQS's own behaviour: conditional writes, dates, long polls."""

import csv
import gzip
import io
import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.local_aws.conftest import Endpoint, endpoint, spark_env
from tests.plugins.conftest import OutletEvents
from tests.plugins.deferral import TaskDeferred, events_of

__all__ = ["endpoint", "spark_env"]


class Bucket:
    """A bucket of one test's own, with photographs under `landing/`."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name, self.s3, self.path = name, endpoint.client("s3", max_pool_connections=40), endpoint.root / name
        self.s3.create_bucket(Bucket=name)

    @property
    def source_uri(self) -> str:
        return f"s3://{self.name}/landing"

    def put(self, *names: str, content: str = "jpeg") -> None:
        for name in names:
            self.s3.put_object(Bucket=self.name, Key=f"landing/{name}", Body=content.encode())

    def delete(self, name: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=f"landing/{name}")

    def publish(self, snapshot: str = "r", source_uri: str | None = None, **more: Any) -> None:
        """As a run that has just published what lies there now."""
        listed = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix="landing/")
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        rows.writerow(["key", "size_bytes", "etag"])
        for page in listed:
            rows.writerows([[o["Key"], o["Size"], o["ETag"].strip('"')] for o in page.get("Contents", [])])
        inventory_key = f"runs/{snapshot}/inventory.csv.gz"
        self.s3.put_object(Bucket=self.name, Key=inventory_key, Body=gzip.compress(text.getvalue().encode()))
        document = {
            "snapshot": snapshot,
            "source_uri": source_uri or self.source_uri,
            "inventory_uri": f"s3://{self.name}/{inventory_key}",
        }
        body = json.dumps(document | more).encode()
        self.s3.put_object(Bucket=self.name, Key=f"published/{snapshot}.json", Body=body)
        self.point_at(snapshot)

    def point_at(self, snapshot: str) -> None:
        source = {"Bucket": self.name, "Key": f"published/{snapshot}.json"}
        self.s3.copy_object(Bucket=self.name, Key="published/latest.json", CopySource=source)

    @property
    def landed_path(self) -> Path:
        return self.path / "landed" / "latest.json"

    @property
    def landed(self) -> Any:
        """landed/latest.json, null if there is none."""
        return json.loads(self.landed_path.read_text()) if self.landed_path.exists() else None

    def age_the_signal(self, seconds: float) -> None:
        """By S3's clock, which is the time of the file's change."""
        then = time.time() - seconds
        os.utime(self.landed_path, (then, then))


class Landing:
    """Runs of fruit_images_landed, task by task, without their waits."""

    def __init__(self, bucket: Bucket, settings: Any) -> None:
        self.bucket, self.settings, self.rounds = bucket, settings, 0

    def waiting(self) -> tuple[Any, Any]:
        """The operator of wait_until_settled, and a context for it."""
        from emr_pipeline.operators.wait_until_settled import WaitUntilSettledOperator

        operator = WaitUntilSettledOperator(task_id="w", settings=self.settings, region_name="us-east-1")
        dag, dag_run = SimpleNamespace(dag_id="fruit_images_landed"), SimpleNamespace(run_id="scheduled__1")
        return operator, {"dag": dag, "dag_run": dag_run}

    def wait(self, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """What wait_until_settled returns; `meanwhile` happens in each wait."""
        operator, context = self.waiting()
        step: Callable[[], dict[str, Any]] = partial(operator.execute, context)
        while True:
            try:
                return step()
            except TaskDeferred as deferral:
                self.rounds += 1
                assert deferral.timeout.total_seconds() > self.settings.landing_settle_s
                # As the triggerer makes it, from what was serialized.
                trigger = type(deferral.trigger)(**json.loads(json.dumps(deferral.trigger.serialize()[1])))
                assert trigger.pause_s == self.settings.landing_settle_s
                trigger.pause_s = 0
                (event,) = events_of(trigger)
                meanwhile()
                step = partial(operator.execute_complete, context, json.loads(json.dumps(event)))

    def signal(self, settled: dict[str, Any], run_id: str = "scheduled__1") -> tuple[dict[str, Any], OutletEvents]:
        """What signal_new_images writes, and the events it tells."""
        from emr_pipeline.operators.signal_new_images import SignalNewImagesOperator

        operator = SignalNewImagesOperator(
            task_id="s", settings=self.settings, settled=json.loads(json.dumps(settled)), region_name="us-east-1"
        )
        events = OutletEvents()
        context: Any = {"dag_run": SimpleNamespace(run_id=run_id), "outlet_events": events}
        return operator.execute(context), events

    def run(self, run_id: str = "scheduled__1", meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        return self.signal(self.wait(meanwhile), run_id)[0]


@pytest.fixture
def bucket(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    return Bucket(f"test-{uuid.uuid4().hex[:12]}", endpoint)


@pytest.fixture
def landing(bucket: Bucket, settings: Any) -> Landing:
    return Landing(bucket, replace(settings, bucket=bucket.name, source_uri=bucket.source_uri))
