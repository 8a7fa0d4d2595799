"""The process of the local AWS endpoint."""

import hashlib

from tools.errors import PortInUseError
from tools.local.home import LocalHome, local_environment
from tools.local.ports import get_json, port_is_taken, wait_until_healthy
from tools.local.processes import find_background, start_background

NAME = "local_aws"
START_LIMIT_S = 60.0


def start_endpoint(home: LocalHome) -> None:
    """Start the endpoint if it does not run, without waiting until it answers."""
    background = find_background(home.run_path, NAME)
    if background is not None and background.is_alive():
        return
    if port_is_taken(home.aws_port):
        raise PortInUseError(home.aws_port, "the local AWS endpoint", "LOCAL_AWS_PORT")
    for folder in (home.s3_path, home.emr_path):
        folder.mkdir(parents=True, exist_ok=True)
    start_background(NAME, _command(home), local_environment(home), home.run_path, home.logs_path / f"{NAME}.log")


def wait_for_endpoint(home: LocalHome) -> None:
    """Return when the endpoint that was started answers."""
    background = find_background(home.run_path, NAME)
    assert background is not None, f"{NAME} was not started"
    wait_until_healthy(background, lambda: is_healthy(home), START_LIMIT_S)


def is_healthy(home: LocalHome) -> bool:
    """Whether our endpoint answers. One with another key belongs to another checkout."""
    answer = get_json(f"{home.aws_url}/_local_aws/health") or {}
    return answer.get("key") == hashlib.sha256(local_environment(home)["AWS_ACCESS_KEY_ID"].encode()).hexdigest()


def _command(home: LocalHome) -> list[str]:
    return [
        str(home.airflow_python),
        "-m",
        "local_aws",
        f"--root={home.s3_path}",
        f"--port={home.aws_port}",
        f"--work={home.emr_path}",
        f"--spark-env={home.spark_env_path}",
    ]
