"""docker-compose for real: the images are built, every service becomes healthy, and a triggered run goes green.

`make test-compose` runs it; without the variable TEST_COMPOSE it is skipped, for it takes docker and some minutes.
"""

import json
import logging
import os
import re
import secrets
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.compose.compose_file import AIRFLOW_SERVICES, REPOSITORY, SECRETS
from tests.compose.test_commands import free_port

logger = logging.getLogger(__name__)

CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
FERNET_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
PROJECT = "fruit-features-test"
BUILD_LIMIT_S, HEALTH_LIMIT_S, RUN_LIMIT_S = 1800, 600, 1200
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
STAYING = (*AIRFLOW_SERVICES[1:], "local-aws", "postgres")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(BUILD_LIMIT_S + HEALTH_LIMIT_S + RUN_LIMIT_S + 300),
    pytest.mark.skipif(not os.environ.get("TEST_COMPOSE"), reason="it builds images: make test-compose"),
]


class Containers:
    """The project of docker-compose, under a name and on ports of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        ports = {"AIRFLOW_PORT": str(self.port), "LOCAL_AWS_PORT": str(free_port())}
        drawn = {name: secrets.token_hex(16) for name in SECRETS} | {"AIRFLOW_FERNET_KEY": FERNET_KEY}
        # What stands in the environment goes before a .env.
        self.environment = {**os.environ, **drawn, **ports}
        # The plugin of newer dockers, or the program of its own.
        alone = shutil.which("docker-compose")
        self.program = [alone] if alone else ["docker", "compose"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *words: str, limit_s: float = 300) -> str:
        done = subprocess.run(
            [*self.program, "--project-name", PROJECT, *words],
            cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def health(self, service: str) -> str:
        """What docker says of a service's container."""
        (container,) = self.compose("ps", "--quiet", service).split()
        words = ["docker", "inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", container]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    made = Containers()
    try:
        started = time.monotonic()
        made.compose("build", limit_s=BUILD_LIMIT_S)
        logger.info("built in %.0f s", time.monotonic() - started)
        made.compose("up", "--detach", limit_s=HEALTH_LIMIT_S)
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "20")


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


def until(is_so: Any, limit_s: float, containers: Containers) -> None:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            if is_so():
                return
        except (OSError, ValueError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {limit_s} s:\n{containers.compose('logs', '--tail=40')}")
        time.sleep(2)


def test_every_service_becomes_healthy_and_a_run_goes_green(containers: Containers) -> None:
    health = f"{containers.url}/api/v2/monitor/health"
    until(lambda: all(get_json(health)[part]["status"] == "healthy" for part in PARTS), HEALTH_LIMIT_S, containers)
    until(
        lambda: all(containers.health(service) == "running healthy" for service in STAYING), HEALTH_LIMIT_S, containers
    )
    token = log_in(containers.url, containers.compose("logs", "--no-color", "api-server"))
    dag = f"{containers.url}/api/v2/dags/fruit_features"
    until(lambda: get_json(dag, token)["is_paused"] is False, HEALTH_LIMIT_S, containers)

    conf = {"run": "in-containers", "weights": "random:0", "pca_components": 8}
    triggered = httpx.post(
        f"{dag}/dagRuns", json={"logical_date": None, "conf": conf}, headers={"Authorization": f"Bearer {token}"}
    ).raise_for_status()
    run = f"{dag}/dagRuns/{triggered.json()['dag_run_id']}"
    until(lambda: get_json(run, token)["state"] in ("success", "failed"), RUN_LIMIT_S, containers)

    take_picture(containers, token, triggered.json()["dag_run_id"])
    states = {one["task_id"]: one["state"] for one in get_json(f"{run}/taskInstances", token)["task_instances"]}
    assert get_json(run, token)["state"] == "success", states


def take_picture(containers: Containers, token: str, run_id: str) -> None:
    """Keep the run's page as a picture in the folder that SCREENSHOTS names, where there is a browser."""
    if CHROMIUM is None:
        logger.warning("no picture: there is no chromium")
        return
    folder = Path(os.environ.get("SCREENSHOTS") or REPOSITORY / ".local" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1600, "height": 1000})
        context.add_cookies([{"name": "_token", "value": token, "url": containers.url}])
        page = context.new_page()
        page.goto(f"{containers.url}/dags/fruit_features/runs/{run_id}")
        page.get_by_text("in-containers").or_(page.get_by_text("publish")).first.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)
        page.screenshot(path=folder / "compose.png")
        browser.close()
    logger.info("the picture of the run: %s", folder / "compose.png")
