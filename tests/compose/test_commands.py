"""The commands of docker-compose.yaml, run outside a container: the endpoint, the demo, and Airflow on PostgreSQL."""

import json
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.compose.compose_file import AIRFLOW_SERVICES, IN_THE_IMAGE, REPOSITORY, SECRETS, command, services
from tools.local.home import LocalHome

HEALTH_LIMIT_S = 150
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
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


def get_json(url: str, token: str = "") -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


def log_in(url: str, log: str) -> str:
    """A token for who has read the password in the api-server's log."""
    password = re.search(r"Password for user 'admin': (\S+)", log)
    assert password is not None
    who = json.dumps({"username": "admin", "password": password[1]}).encode()
    request = urllib.request.Request(f"{url}/auth/token", who, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(json.load(response)["access_token"])


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


def is_good(check: list[str], environment: dict[str, str]) -> bool:
    return subprocess.run(check, env=environment, capture_output=True).returncode == 0


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


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """Port and password of a PostgreSQL of the test's own."""
    initdb = shutil.which("initdb") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if initdb is None:
        pytest.skip("PostgreSQL's programs are not installed (apt install postgresql)")
    # PostgreSQL refuses to run as root, and pytest's own folders are closed to others.
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = Path(subprocess.run(["mktemp", "--directory"], capture_output=True, text=True, check=True).stdout.strip())
    password, port = secrets.token_hex(16), free_port()
    (folder / "password").write_text(password)
    data, binaries = folder / "data", Path(initdb).resolve().parent

    def as_user(*words: str) -> None:
        prefix = ["runuser", "--user", user, "--"] if os.getuid() == 0 else []
        subprocess.run([*prefix, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

    if os.getuid() == 0:
        subprocess.run(["chown", "--recursive", user, folder], check=True)
    try:
        options = ["--auth=scram-sha-256", "--username=airflow", f"--pwfile={folder / 'password'}"]
        as_user(str(binaries / "initdb"), f"--pgdata={data}", "--encoding=UTF8", *options)
        started = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        as_user(
            str(binaries / "pg_ctl"), f"--pgdata={data}", f"--log={folder / 'log'}", f"-o {started}", "--wait", "start"
        )
        yield port, password
        as_user(str(binaries / "pg_ctl"), f"--pgdata={data}", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def airflow_environment(tmp_path: Path, replaced: dict[str, str], password: str) -> dict[str, str]:
    """The container's environment, with this machine's places for those of the network of containers."""
    variables = SECRETS | {"POSTGRES_PASSWORD": password}
    environment = {name: str(value) for name, value in services(variables)["scheduler"]["environment"].items()}
    for name, value in environment.items():
        for old, new in replaced.items():
            value = value.replace(old, new)
        environment[name] = value
    inherited = {name: value for name, value in os.environ.items() if not re.match("AIRFLOW|AWS_|FRUIT_", name)}
    no_proxy = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return inherited | environment | no_proxy | {"AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.slow
def test_airflows_processes_run_together_on_postgresql(postgres: tuple[int, str], tmp_path: Path) -> None:
    database_port, password = postgres
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    replaced = {
        "@postgres:5432/airflow": f"@127.0.0.1:{database_port}/postgres",
        "http://api-server:8080": url,
        "http://127.0.0.1:8080": url,
        f"{IN_THE_IMAGE}/airflow": str(tmp_path),
        IN_THE_IMAGE: str(REPOSITORY),
    }
    environment = airflow_environment(tmp_path, replaced, password)
    environment |= {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__HOST": "127.0.0.1"}
    described = services()
    migrate, *staying = AIRFLOW_SERVICES
    subprocess.run(outside(command(described[migrate]), {}), env=environment, check=True, capture_output=True)
    processes = {
        name: subprocess.Popen(
            outside(command(described[name]), {}),
            env=environment,
            stdout=(tmp_path / f"{name}.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        for name in staying
    }
    try:
        health = f"{url}/api/v2/monitor/health"
        wait_until(
            lambda: all(get_json(health)[part]["status"] == "healthy" for part in PARTS), processes, HEALTH_LIMIT_S
        )
        token = log_in(url, (tmp_path / "api-server.log").read_text())
        dag = f"{url}/api/v2/dags/fruit_features"
        wait_until(lambda: get_json(dag, token)["is_paused"] is False, processes, HEALTH_LIMIT_S)
        errors = f"{url}/api/v2/importErrors"
        wait_until(lambda: get_json(errors, token)["total_entries"] == 0, processes, HEALTH_LIMIT_S)
        for name in staying:
            check = outside(described[name]["healthcheck"]["test"][1:], {"8080": str(port)})
            # As Docker does, which calls a service unhealthy only after several checks.
            wait_until(partial(is_good, check, environment), processes, HEALTH_LIMIT_S)
    finally:
        stop(processes)
