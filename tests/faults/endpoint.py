"""The local endpoint of the tests: the real program in a process of its own, its steps in a stand-in for Spark."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local_aws.hardness import read_hardness

REPOSITORY = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60
# Its log counts these when it ends.
COUNTED = ("requests_per_s", "metadata_misses", "deletion_errors")
# `python -m local_aws` with a record of what nodes ask, by a clock that may be ahead of everybody else's.
PROGRAM = """
import sys, time
clock = time.time
time.time = lambda: clock() + {ahead_s}
from local_aws.__main__ import main
from tests.faults.node_requests import record
record({folder!r})
sys.exit(main(sys.argv[1:]))
"""


class Endpoint:
    """Runs while it is entered; `restart` ends it at once, as a power cut does, and starts it anew."""

    def __init__(self, folder: Path, spark_env: Path, clock_ahead_s: int = 0, hard: Sequence[str] = ()) -> None:
        self.folder, self.spark_env, self.port = folder, spark_env, free_port()
        self.clock_ahead_s, self.hard = clock_ahead_s, hard
        self.region = read_hardness(False, hard).region or "us-east-1"
        self._process: subprocess.Popen[bytes] | None = None
        # Made once, for all threads: a client takes longer to make than a hundred requests.
        self.s3, self.emr, self.sns, self.sqs = map(self._client, ("s3", "emr", "sns", "sqs"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> "Endpoint":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {"root": self.folder / "s3", "work": self.folder / "emr", "spark-env": self.spark_env}
        command = [
            sys.executable,
            "-c",
            PROGRAM.format(ahead_s=self.clock_ahead_s, folder=str(self.folder)),
            f"--port={self.port}",
        ]
        with (self.folder / "endpoint.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *command,
                    *(f"--{name}={path}" for name, path in options.items()),
                    *(f"--hard={one}" for one in self.hard),
                ],
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
            )
        give_up_at = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            assert time.monotonic() < give_up_at, (self.folder / "endpoint.log").read_text()
            time.sleep(0.1)

    def restart(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        self.start()

    def make_bucket(self, name: str) -> None:
        place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.s3.create_bucket(Bucket=name, **place)

    def assert_was_hard(self) -> None:
        """It has ended: what can be counted of its hardness has struck, else its row would prove nothing."""
        said = (self.folder / "endpoint.log").read_text(encoding="utf-8")
        for name in (one.partition("=")[0] for one in self.hard):
            assert name not in COUNTED or f"{name} " in said.rpartition("it was hard:")[2], f"never struck: {name}"

    def _client(self, service: str) -> Any:
        return boto3.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=self.region,
            # The row itself is not what S3 throttles.
            config=Config(retries={"mode": "adaptive", "max_attempts": 10}),
        )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_local_aws/health", timeout=5) as response:
                return bool(json.load(response)["ready"])
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
