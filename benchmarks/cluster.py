"""A local EMR of the benchmarks' own, and steps on it: every variant runs and is timed in the same way."""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from benchmarks.watching import Watcher
from emr_pipeline.emr.job_flow import INSTANCE_FAMILIES, ClusterChoice, configurations
from run_contract.cluster_sizes import SIZES
from tools.local.endpoint import endpoint_client
from tools.local.home import BUCKET, REGION, LocalHome, local_environment
from tools.local.ports import get_json, wait_until_healthy
from tools.local.processes import Background, start_background, stop_backgrounds

NAME = "benchmarks"
POLL_S = 1.0
LOG_TAIL_LINES = 30
MACHINE_CORES = os.cpu_count() or 1


class StepFailedError(Exception):
    """A measured step failed, so there is no measurement."""


@dataclass(frozen=True)
class BenchCluster:
    """A cluster that waits for steps, of `cores` cores."""

    home: LocalHome
    endpoint: Background
    emr: Any
    cluster_id: str
    cores: int

    def run(self, name: str, step: Mapping[str, Any]) -> dict[str, float]:
        """Return the step's seconds by EMR's own clock, and what was watched meanwhile; raises StepFailedError."""
        watcher = Watcher(self.endpoint.pid)
        watcher.start()
        step_id = self.emr.add_job_flow_steps(JobFlowId=self.cluster_id, Steps=[step])["StepIds"][0]
        while (status := self._status(step_id))["State"] in ("PENDING", "RUNNING"):
            time.sleep(POLL_S)
        watched = watcher.stop()
        if status["State"] != "COMPLETED":
            raise StepFailedError(f"{name} is {status['State']}; the end of its log:\n{self._log_tail(step_id)}")
        timeline = status["Timeline"]
        seconds = (timeline["EndDateTime"] - timeline["StartDateTime"]).total_seconds()
        return {"seconds": round(seconds, 3), **watched.as_json()}

    def _status(self, step_id: str) -> dict[str, Any]:
        status: dict[str, Any] = self.emr.describe_step(ClusterId=self.cluster_id, StepId=step_id)["Step"]["Status"]
        return status

    def _log_tail(self, step_id: str) -> str:
        paths = sorted((self.home.emr_path / self.cluster_id / "logs").rglob(f"*{step_id}*/std*"))
        lines = [line for path in paths if path.is_file() for line in path.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-LOG_TAIL_LINES:])


def command_step(name: str, words: Sequence[str]) -> dict[str, Any]:
    """Return a step that runs a command on the node."""
    return {
        "Name": name,
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": [str(word) for word in words]},
    }


def bench_home() -> LocalHome:
    """Return a home of the benchmarks' own, with the same environments: no run of the user is touched."""
    outer = LocalHome.from_environment()
    home = LocalHome(outer.root / NAME, aws_port=_free_port(), airflow_port=outer.airflow_port)
    home.bucket_path.mkdir(parents=True, exist_ok=True)
    envs_path = home.root / "envs"
    if not envs_path.exists():
        envs_path.symlink_to(outer.root / "envs")
    return home


@contextmanager
def bench_cluster(home: LocalHome, cores: int = MACHINE_CORES) -> Iterator[BenchCluster]:
    """Start an endpoint and a cluster as the DAG makes it, without bootstrap actions: the environments are there."""
    environment = local_environment(home)
    command = [home.airflow_python, "-m", "local_aws", f"--root={home.s3_path}", f"--work={home.emr_path}"]
    command += [f"--port={home.aws_port}", f"--spark-env={home.spark_env_path}", f"--cores={cores}"]
    endpoint = start_background(home, NAME, list(map(str, command)), environment)
    try:
        wait_until_healthy(endpoint, lambda: get_json(f"{home.aws_url}/_local_aws/health") is not None, limit_s=60)
        emr = endpoint_client(home, "emr")
        choice = ClusterChoice(SIZES["small"], INSTANCE_FAMILIES["float32"], "requirements.txt", REGION)
        cluster_id = emr.run_job_flow(
            Name=NAME,
            ReleaseLabel="emr-7.13.0",
            LogUri=f"s3://{BUCKET}/logs/",
            Instances={"InstanceCount": 1, "MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
            Configurations=cast(Any, configurations(str(home.spark_env_path), choice)),
            JobFlowRole="EMR_EC2_DefaultRole",
            ServiceRole="EMR_DefaultRole",
        )["JobFlowId"]
        emr.get_waiter("cluster_running").wait(ClusterId=cluster_id, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        yield BenchCluster(home, endpoint, emr, cluster_id, cores)
    finally:
        stop_backgrounds(home, [NAME])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
