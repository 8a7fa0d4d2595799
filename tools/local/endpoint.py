"""The local AWS endpoint: started by whoever needs it first, shared by all, stopped by the last one that leaves."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.errors import PortInUseError
from tools.local.home import LocalHome, local_environment
from tools.local.ports import get_json, port_is_taken, wait_until_healthy
from tools.local.processes import start_background, stop_background

NAME = "local_aws"
START_LIMIT_S = 60.0


@contextmanager
def endpoint_in_use(home: LocalHome) -> Iterator[None]:
    """The endpoint is up inside the block; afterwards it is stopped, unless `make up` or another run uses it."""
    with _users_lock(home) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        ensure_endpoint(home)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            if not _kept_path(home).exists():
                _stop_unless_used(home, lock)


def keep_endpoint(home: LocalHome) -> None:
    """The endpoint is up until `release_endpoint`."""
    home.run_path.mkdir(parents=True, exist_ok=True)
    _kept_path(home).touch()
    ensure_endpoint(home)


def release_endpoint(home: LocalHome) -> bool:
    """Stop the endpoint, unless a run uses it: the run then stops it. True if it was stopped here."""
    _kept_path(home).unlink(missing_ok=True)
    with _users_lock(home) as lock:
        return _stop_unless_used(home, lock)


def ensure_endpoint(home: LocalHome) -> None:
    """Start the endpoint if it is not up, and wait until it answers."""
    with (home.run_path / f"{NAME}.start").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if is_healthy(home):
            return
        if port_is_taken(home.aws_port):
            raise PortInUseError(home.aws_port, "the local AWS endpoint", "LOCAL_AWS_PORT")
        for folder in (home.s3_path, home.emr_path):
            folder.mkdir(parents=True, exist_ok=True)
        background = start_background(
            NAME, _command(home), local_environment(home), home.run_path, home.logs_path / f"{NAME}.log"
        )
        wait_until_healthy(background, lambda: is_healthy(home), START_LIMIT_S)


def is_healthy(home: LocalHome) -> bool:
    """Whether our endpoint answers. One with other buckets, of another checkout, is not ours."""
    answer = get_json(f"{home.aws_url}/_local_aws/health")
    return answer is not None and answer.get("root") == str(home.s3_path)


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


def _kept_path(home: LocalHome) -> Path:
    return home.run_path / f"{NAME}.keep"


@contextmanager
def _users_lock(home: LocalHome) -> Iterator[IO[str]]:
    """The file on which every run holds a shared lock while it uses the endpoint."""
    home.run_path.mkdir(parents=True, exist_ok=True)
    with (home.run_path / f"{NAME}.users").open("w") as lock:
        yield lock


def _stop_unless_used(home: LocalHome, lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return stop_background(home.run_path, NAME)
