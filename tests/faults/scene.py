"""The world of one fault: an endpoint behind a faulty proxy, a bucket, an Airflow; and what a fault may do to it."""

import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from tests.faults.airflow_home import FaultHome
from tests.faults.endpoint import Endpoint
from tests.faults.node_requests import recorded_in
from tests.faults.proxy import FaultyProxy, Refusal, Request, Rule
from tests.faults.stand_in import STAGES, code_files
from tests.messages import Told

ENDED_STATES = ("TERMINATED", "TERMINATED_WITH_ERRORS")
RUN_LIMIT_S = 300


@dataclass
class Scene:
    """Built for one row; everything it makes lies in its own bucket and its own Airflow home."""

    bucket: str
    home: FaultHome
    endpoint: Endpoint
    proxy: FaultyProxy
    run: str = "run"
    settings: dict[str, str] = field(default_factory=dict)
    befores: dict[str, str] = field(default_factory=dict)
    bootstrap: str = "exit 0\n"
    more_objects: dict[str, bytes] = field(default_factory=dict)
    """What else lies in the bucket, by key."""
    held: ExitStack = field(default_factory=ExitStack)
    """What is open until the row is over."""
    told: list[str] = field(default_factory=list)
    """What a person is told beside the errors of the run."""
    people: Told | None = None
    """Who is told by messages."""
    processes: dict[tuple[str, str], subprocess.Popen[bytes]] = field(default_factory=dict)
    is_airflow_killed: bool = False
    made_up: list[str] = field(default_factory=list)
    """The ids of snapshots that no run of the row published."""

    @classmethod
    def of(cls, name: str, home: FaultHome, endpoint: Endpoint, **more: Any) -> Self:
        """A scene whose bucket is named after the row."""
        bucket = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-")
        return cls(bucket, home, endpoint, FaultyProxy(endpoint.port), **more)

    @property
    def old_snapshot(self) -> bytes:
        """What was published before the row began."""
        old = {"snapshot": "the-old-one", "run": "old", "run_uri": f"s3://{self.bucket}/runs/old"}
        return json.dumps(old).encode()

    @property
    def s3(self) -> Any:
        return self.endpoint.s3

    @property
    def emr(self) -> Any:
        return self.endpoint.emr

    def listen(self) -> None:
        """Subscribe to what people are told. The topic is lost where the endpoint is started again."""
        self.people = Told.at(self.endpoint.sns, self.endpoint.sqs, self.bucket)
        self.settings["FRUIT_FEATURES_MESSAGES"] = self.people.topic_arn

    def refuse(
        self, matches: Callable[[Request], bool], status: int, code: str, message: str = "told by a test", **how: Any
    ) -> None:
        self.proxy.rules.append(Rule(matches, Refusal(status, code, message), **how))

    def stage(self) -> None:
        """The bucket as a deployment has it: code, photographs, and a snapshot that was published before."""
        self.endpoint.make_bucket(self.bucket)
        objects = {f"code/{name}": text.encode() for name, text in code_files(self.befores, self.bootstrap).items()}
        objects |= {"landing/apple/1.jpg": b"a picture", "published/latest.json": self.old_snapshot}
        objects |= self.more_objects
        for key, body in objects.items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def give_word(self) -> None:
        """The step that waits for it goes on: the fault has struck."""
        self.s3.put_object(Bucket=self.bucket, Key="word", Body=b"")

    def node_requests(self) -> list[Request]:
        """What the steps of the row asked of its bucket, if they have no key of their own (`bare_steps`)."""
        return [one for one in recorded_in(self.endpoint.folder) if one.path.startswith(f"/{self.bucket}")]

    def home_of(self, run: str) -> FaultHome:
        """Runs at the same time have an Airflow each: `max_active_runs` keeps those of one Airflow apart."""
        if run == self.run:
            return self.home
        folder = self.home.folder / run
        return FaultHome(folder, self.home.python) if folder.exists() else self.home.copy(folder)

    def start_dag(
        self, dag_id: str = "fruit_features", run: str | None = None, conf: dict[str, Any] | None = None
    ) -> subprocess.Popen[bytes]:
        run = run or self.run
        if conf is None:
            conf = self.conf(run) if dag_id == "fruit_features" else {}
        process = self.home_of(run).start(dag_id, conf, self.bucket, self.proxy.url, self.settings, run)
        self.processes[dag_id, run] = process
        return process

    def conf(self, run: str) -> dict[str, Any]:
        return {"run": run, "weights": "random:0", "source_uri": f"s3://{self.bucket}/landing"}

    def run_dag(self, dag_id: str = "fruit_features", run: str | None = None) -> dict[str, Any]:
        process = self.start_dag(dag_id, run)
        return self.result(process, dag_id, run)

    def result(self, process: subprocess.Popen[bytes], dag_id: str = "fruit_features", run: str | None = None) -> Any:
        try:
            process.wait(RUN_LIMIT_S)
        finally:
            process.kill()
        run = run or self.run
        if self.is_airflow_killed and dag_id == "fruit_features":
            return {"state": "killed", "tasks": {}, "errors": []}
        path = self.home_of(run).result_path(dag_id, run)
        assert path.exists(), f"Airflow itself failed:\n{self.home_of(run).log_text(dag_id, run)[-3000:]}"
        return json.loads(path.read_text(encoding="utf-8"))

    def reap(self) -> None:
        """As the schedule does, until there is nothing left to end."""
        assert self.run_dag("fruit_features_reaper")["state"] == "success"
        text = self.home.log_text("fruit_features_reaper", self.run)
        # Airflow 3.0 writes each line twice.
        self.told += dict.fromkeys(re.findall(r"Terminating cluster .*?(?= \[|$)", text, re.MULTILINE))
        self.wait_for("the clusters' end", lambda: not self.live_clusters())

    def kill_airflow(self) -> None:
        """For good: nobody goes on with the run, and its record stays as it is."""
        self.is_airflow_killed = True
        self.processes["fruit_features", self.run].kill()

    def delete_runs(self) -> None:
        """As a person does in the UI who tidies up after the crash."""
        with sqlite3.connect(self.home.folder / "airflow" / "airflow.db") as database:
            for table in ("task_instance", "dag_run"):
                database.execute(f"DELETE FROM {table} WHERE dag_id = 'fruit_features'")

    def clusters(self) -> list[dict[str, Any]]:
        """All that this row's runs ever made; none is another row's, for each has a bucket of its own."""
        pages = self.emr.get_paginator("list_clusters").paginate()
        # Rows that share an endpoint would describe one another's otherwise; the tags decide.
        named = [one["Id"] for page in pages for one in page["Clusters"] if self.bucket in one["Name"]]
        described = [self.emr.describe_cluster(ClusterId=cluster_id)["Cluster"] for cluster_id in named]
        own = {"Key": "fruit-features:bucket", "Value": self.bucket}
        return [cluster for cluster in described if own in cluster["Tags"]]

    def live_clusters(self) -> list[str]:
        return [cluster["Id"] for cluster in self.clusters() if cluster["Status"]["State"] not in ENDED_STATES]

    def steps(self) -> list[dict[str, Any]]:
        return [
            step | {"ClusterId": cluster["Id"]}
            for cluster in self.clusters()
            for step in self.emr.list_steps(ClusterId=cluster["Id"])["Steps"]
        ]

    def attempts(self) -> tuple[int, ...]:
        """How often Airflow tried each stage; `DAG.test` tries each task once."""
        return (1,) * len(STAGES)

    def running_step(self, stage: str, limit_s: float = RUN_LIMIT_S) -> dict[str, Any]:
        """The step of a stage, once it runs."""
        return self.wait_for(
            f"a running step of {stage}",
            lambda: next(
                (s for s in self.steps() if s["Name"].startswith(stage) and s["Status"]["State"] == "RUNNING"), None
            ),
            limit_s,
        )

    def wait_for(self, what: str, look: Callable[[], Any], limit_s: float = 180, every_s: float = 0.5) -> Any:
        give_up_at = time.monotonic() + limit_s
        while time.monotonic() < give_up_at:
            if found := look():
                return found
            time.sleep(every_s)
        raise AssertionError(f"{self.bucket}: not within {limit_s:.0f} s: {what}")

    def published(self) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key="published/latest.json")["Body"].read()
        return content

    def snapshots(self) -> list[str]:
        """The ids of the snapshots that runs of the row published."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="published/")["Contents"]
        ids = re.findall(r"published/([0-9a-f]{16})\.json", " ".join(entry["Key"] for entry in listed))
        return [snapshot for snapshot in ids if snapshot not in self.made_up]

    def snapshot_of(self, published: bytes) -> Any:
        return json.loads(published)["snapshot"]

    def results_of(self, run: str) -> dict[str, str]:
        """ETags of what the stages of a run made, by key; statistics and progress tell the time, too."""
        prefix = f"runs/{run}/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        etags = {entry["Key"].removeprefix(prefix): entry["ETag"] for entry in listed}
        return {key: etag for key, etag in etags.items() if not key.startswith(("stats/", "progress/"))}

    def has_object(self, uri: str) -> bool:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bool(self.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"))
