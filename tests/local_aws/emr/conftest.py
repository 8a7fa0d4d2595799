"""An EMR in this very process, quick and with short waits, and what tests say to it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local_aws import emr

SETTLED_STATES = {"COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"}
WAIT_LIMIT_S = 30.0


def wait_until(what: str, condition: Callable[[], Any], limit_s: float = WAIT_LIMIT_S) -> Any:
    """What the condition returned when it first was true."""
    give_up_at = time.monotonic() + limit_s
    while time.monotonic() < give_up_at:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s:.0f} s: {what}")


def bash_step(script: str, name: str = "a step", on_failure: str = "CONTINUE") -> dict[str, Any]:
    return command_step("bash", "-c", script, name=name, on_failure=on_failure)


def command_step(*args: str, name: str = "a step", on_failure: str = "CONTINUE") -> dict[str, Any]:
    jar_step = {"Jar": "command-runner.jar", "Args": list(args)}
    return {"Name": name, "ActionOnFailure": on_failure, "HadoopJarStep": jar_step}


def job_flow(name: str = "test", **changes: Any) -> dict[str, Any]:
    """RunJobFlow of a small cluster that waits for steps; `Instances` is merged, the rest replaced."""
    instances = {
        "InstanceGroups": [
            {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
            {"InstanceRole": "CORE", "InstanceType": "m5.2xlarge", "InstanceCount": 2, "Market": "SPOT"},
        ],
        "KeepJobFlowAliveWhenNoSteps": True,
    } | changes.pop("Instances", {})
    return {
        "Name": name,
        "ReleaseLabel": "emr-7.13.0",
        "LogUri": "s3://logs/emr/",
        "ServiceRole": "EMR_DefaultRole_V2",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "Instances": {key: value for key, value in instances.items() if value is not None},
        **changes,
    }


class LocalEmr:
    """The API client, and the folders behind it."""

    def __init__(self, client: Any, config: emr.LocalEmrConfig) -> None:
        self.client, self.config = client, config

    def put(self, uri: str, content: str) -> str:
        path = self.config.buckets_root / uri.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return uri

    def run(self, **changes: Any) -> str:
        cluster_id: str = self.client.run_job_flow(**job_flow(**changes))["JobFlowId"]
        return cluster_id

    def add(self, cluster_id: str, *steps: dict[str, Any]) -> list[str]:
        step_ids: list[str] = self.client.add_job_flow_steps(JobFlowId=cluster_id, Steps=list(steps))["StepIds"]
        return step_ids

    def cluster(self, cluster_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.describe_cluster(ClusterId=cluster_id)["Cluster"]
        return answer

    def state(self, cluster_id: str) -> str:
        return str(self.cluster(cluster_id)["Status"]["State"])

    def reason(self, cluster_id: str) -> dict[str, str]:
        reason: dict[str, str] = self.cluster(cluster_id)["Status"]["StateChangeReason"]
        return reason

    def step(self, cluster_id: str, step_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]
        return answer

    def step_state(self, cluster_id: str, step_id: str) -> str:
        return str(self.step(cluster_id, step_id)["Status"]["State"])

    def wait_for_state(self, cluster_id: str, *states: str) -> str:
        wait_until(f"{cluster_id} in {states}", lambda: self.state(cluster_id) in states)
        return self.state(cluster_id)

    def wait_for_step(self, cluster_id: str, step_id: str, *states: str) -> dict[str, Any]:
        """The step, once it is in one of the states; in its last one, if none is given."""
        wanted = set(states) or SETTLED_STATES
        wait_until(f"{step_id} in {wanted}", lambda: self.step_state(cluster_id, step_id) in wanted)
        return self.step(cluster_id, step_id)

    def log(self, cluster_id: str, path: str) -> str:
        """A log as it was shipped, for example `steps/s-1/stderr`."""
        shipped = self.config.buckets_root / "logs" / "emr" / cluster_id / f"{path}.gz"
        return gzip.decompress(shipped.read_bytes()).decode()

    def live_log(self, cluster_id: str, path: str) -> Path:
        return self.config.work_root / cluster_id / "logs" / path


@pytest.fixture(scope="session")
def emr_config(tmp_path_factory: pytest.TempPathFactory, spark_env: Path) -> Iterator[emr.LocalEmrConfig]:
    """A server with our EMR and moto's everything else, on a port that the system chooses."""
    folder = tmp_path_factory.mktemp("emr in process")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    (folder / "s3" / "logs").mkdir(parents=True)
    config = emr.LocalEmrConfig(
        buckets_root=folder / "s3",
        work_root=folder / "work",
        spark_env=spark_env,
        endpoint_url="http://127.0.0.1:1",
        cores=2,
        driver_memory="1g",
        transition_s=0.1,
        interrupt_grace_s=1.0,
    )
    emr.install(config)
    server.start()
    object.__setattr__(config, "endpoint_url", "http://{}:{}".format(*server.get_host_and_port()))
    yield config
    emr.shutdown()
    server.stop()


@pytest.fixture
def local_emr(emr_config: emr.LocalEmrConfig) -> Iterator[LocalEmr]:
    client = boto3.client(
        "emr",
        endpoint_url=emr_config.endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    local = LocalEmr(client, emr_config)
    yield local
    for cluster in client.list_clusters(ClusterStates=["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"])["Clusters"]:
        client.set_termination_protection(JobFlowIds=[cluster["Id"]], TerminationProtected=False)
        client.terminate_job_flows(JobFlowIds=[cluster["Id"]])
