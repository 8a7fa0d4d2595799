"""What the tests of the local EMR say to it, and how they wait for it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

    def __init__(self, client: Any, buckets_root: Path, work_root: Path) -> None:
        self.client, self.buckets_root, self.work_root = client, buckets_root, work_root

    def put(self, uri: str, content: str) -> str:
        path = self.buckets_root / uri.removeprefix("s3://")
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

    def wait_for_step(
        self, cluster_id: str, step_id: str, *states: str, limit_s: float = WAIT_LIMIT_S
    ) -> dict[str, Any]:
        """The step, once it is in one of the states; in its last one, if none is given."""
        wanted = set(states) or SETTLED_STATES
        wait_until(f"{step_id} in {wanted}", lambda: self.step_state(cluster_id, step_id) in wanted, limit_s)
        return self.step(cluster_id, step_id)

    def log(self, cluster_id: str, path: str) -> str:
        """A log as it was shipped, for example `steps/s-1/stderr`."""
        shipped = self.buckets_root / "logs" / "emr" / cluster_id / f"{path}.gz"
        return gzip.decompress(shipped.read_bytes()).decode()

    def note(self, cluster_id: str, step_id: str) -> str:
        """What the controller says of a step."""
        return self.log(cluster_id, f"steps/{step_id}/controller")

    def live_log(self, cluster_id: str, path: str) -> Path:
        return self.work_root / cluster_id / "logs" / path
