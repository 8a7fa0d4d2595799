"""A running endpoint on a free port, in a folder of its own, and boto3 clients that talk to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPOSITORY = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60
REGION = {"region_name": "us-east-1"}
"""All that a client needs besides the key, which is that of the environment, as the endpoint's is."""


@dataclass(frozen=True)
class Endpoint:
    """A running `python -m local_aws`."""

    url: str
    root: Path
    work: Path
    process: subprocess.Popen[bytes]
    log_path: Path

    def client(self, service: str, **settings: Any) -> Any:
        return boto3.client(service, endpoint_url=self.url, config=Config(**settings), **REGION)  # type: ignore[call-overload]

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] = MappingProxyType({}),
        service: str = "s3",
    ) -> dict[str, str]:
        """The headers of a request that boto3 would not send, signed with the key all the same."""
        request = AWSRequest(method, f"{self.url}{path}", dict(headers), body)
        key = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        signer = S3SigV4Auth(key, service, "us-east-1")
        if "x-amz-content-sha256" in headers:
            signer.payload = lambda request: headers["x-amz-content-sha256"]  # type: ignore[method-assign]
        signer.add_auth(request)
        return dict(request.headers)

    def head(self, method: str, path: str, service: str = "s3", **unsigned: str) -> bytes:
        """The bytes of a signed request before its body, which may be anything."""
        headers = self.signed(method, path, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, service=service)
        headers |= {"host": self.url.removeprefix("http://")} | unsigned
        lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Asks it to stop, as a service manager would; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def endpoint_command(folder: Path, port: int, spark_env: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "local_aws", "--root", str(folder / "s3"), "--work", str(folder / "emr")),
        *("--port", str(port), "--spark-env", str(spark_env), "--driver-memory", "1g"),
    ]


def start_endpoint(folder: Path, spark_env: Path, *options: str) -> Endpoint:
    port = free_port()
    log_path = folder / "endpoint.log"
    with log_path.open("ab") as log:
        command = [*endpoint_command(folder, port, spark_env), *options]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
    endpoint = Endpoint(f"http://127.0.0.1:{port}", folder / "s3", folder / "emr", process, log_path)
    give_up_at = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            urllib.request.urlopen(f"{endpoint.url}/_local_aws/health", timeout=5).close()
            return endpoint
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"the endpoint did not start:\n{log_path.read_text()}")


@pytest.fixture(scope="session")
def spark_env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Spark environment; where there is none, a stand-in that serves for everything but running a step."""
    local_home = Path(os.environ.get("LOCAL_HOME", REPOSITORY / ".local"))
    real = local_home / "envs" / "spark"
    if (real / "bin" / "python").exists():
        return real
    stand_in = tmp_path_factory.mktemp("spark-env")
    (stand_in / "bin").mkdir()
    (stand_in / "bin" / "python").symlink_to(sys.executable)
    return stand_in


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory, spark_env: Path) -> Iterator[Endpoint]:
    running = start_endpoint(tmp_path_factory.mktemp("local_aws"), spark_env)
    yield running
    running.stop()


@pytest.fixture
def new_endpoint(tmp_path: Path, spark_env: Path) -> Iterator[Callable[..., Endpoint]]:
    """Starts an endpoint in the test's own folder; call it again after `stop()` for a restart."""
    started: list[Endpoint] = []

    def start(*options: str) -> Endpoint:
        started.append(start_endpoint(tmp_path, spark_env, *options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def s3(endpoint: Endpoint) -> S3Client:
    # No second try: a test must see the first answer.
    client: S3Client = endpoint.client("s3", max_pool_connections=32, retries={"total_max_attempts": 1})
    return client


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """A new bucket for this test alone."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def bucket_path(endpoint: Endpoint, bucket: str) -> Path:
    return endpoint.root / bucket
