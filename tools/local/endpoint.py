"""The process of the local AWS endpoint."""

import hashlib
import os
from typing import Any

import boto3

from tools.errors import PortInUseError
from tools.local.home import REGION, LocalHome, local_environment
from tools.local.ports import get_json, port_is_taken, wait_until_healthy
from tools.local.processes import find_background, start_background

NAME = "local_aws"
START_LIMIT_S = 60.0


def start_endpoint(home: LocalHome) -> None:
    """Start the endpoint if it does not run, without waiting until it answers."""
    if find_background(home, NAME).is_alive():
        return
    if port_is_taken(home.aws_port):
        raise PortInUseError(home.aws_port, "the local AWS endpoint", "LOCAL_AWS_PORT")
    command = [str(home.airflow_python), "-m", "local_aws", f"--root={home.s3_path}", f"--work={home.emr_path}"]
    command += [f"--port={home.aws_port}", f"--spark-env={home.spark_env_path}"]
    # As hard as AWS, if asked: see the endpoint's README.
    command += [f"--like={like}"] if (like := os.environ.get("LOCAL_AWS_LIKE")) else []
    command += [f"--hard={setting}" for setting in os.environ.get("LOCAL_AWS_HARD", "").split()]
    start_background(home, NAME, command, local_environment(home))


def wait_for_endpoint(home: LocalHome) -> None:
    """Return when the endpoint that was started answers."""
    wait_until_healthy(find_background(home, NAME), lambda: is_healthy(home), START_LIMIT_S)


def endpoint_client(home: LocalHome, service: Any) -> Any:
    """Return boto3's client of a service of the endpoint, with the key that set-up drew."""
    key = local_environment(home)
    return boto3.client(
        service,
        endpoint_url=home.aws_url,
        region_name=REGION,
        aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
    )


def is_healthy(home: LocalHome) -> bool:
    """Whether our endpoint answers. One with another key belongs to another checkout."""
    answer = get_json(f"{home.aws_url}/_local_aws/health") or {}
    return answer.get("key") == hashlib.sha256(local_environment(home)["AWS_ACCESS_KEY_ID"].encode()).hexdigest()
