"""The commands of docker-compose.yaml that need no other container, run outside one: the endpoint and the demo."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from tests.compose.compose_file import REPOSITORY, command, services
from tools.local.home import LocalHome

BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def outside(words: list[str], replaced: dict[str, str]) -> list[str]:
    """A command of a container as it is run here: other paths and ports, the programs of this environment."""
    changed = []
    for word in words:
        for old, new in replaced.items():
            word = word.replace(old, new)
        changed.append(word)
    return [str(BIN / changed[0]), *changed[1:]]


def wait_until(is_so: Callable[[], bool], processes: dict[str, subprocess.Popen[bytes]], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            if is_so():
                return
        except (OSError, urllib.error.URLError, ValueError):
            pass
        for name, process in processes.items():
            assert process.poll() is None, f"{name} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"not so after {limit_s} s"
        time.sleep(0.5)


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_the_endpoint_and_the_demo_run_as_their_commands_say(tmp_path: Path) -> None:
    port, home = str(free_port()), LocalHome.from_environment()
    replaced = {
        "/var/lib/fruit-features": str(tmp_path),
        "/opt/fruit-features/envs/spark": str(home.spark_env_path),
        "0.0.0.0": "127.0.0.1",
        "5600": port,
    }
    key = {name: value for name, value in services()["local-aws"]["environment"].items() if name.startswith("AWS_")}
    environment = os.environ | key | {"LOCAL_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    demo = subprocess.run(outside(command(services()["demo"]), replaced), env=environment, cwd=tmp_path, check=False)
    assert demo.returncode == 0
    process = subprocess.Popen(outside(command(services()["local-aws"]), replaced), env=environment, cwd=tmp_path)
    try:
        check = services()["local-aws"]["healthcheck"]["test"][1:]
        healthy = outside(check, {"5600": port})
        wait_until(lambda: subprocess.run(healthy, capture_output=True).returncode == 0, {"local-aws": process}, 60)
        s3 = boto3.client(
            "s3",
            "us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )
        assert s3.list_objects_v2(Bucket="fruit-features", Prefix="landing/demo/")["KeyCount"] == 243
    finally:
        stop({"local-aws": process})
