"""Both bootstrap actions on this machine's real Spark environment, with the real lock, from a real S3 endpoint."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.bootstrap.conftest import BOOTSTRAP, Node
from tools.local.home import LocalHome

SPARK_ENV = LocalHome.from_environment(os.environ).spark_env_path
# The keys are those of all tests: boto3 keeps what its first client used for all that come after it.
KEYS = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
AWS = {**KEYS, "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def spark_node(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    node.environment |= AWS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    s3.create_bucket(Bucket="fruit-features")
    for name in ("requirements.txt", "requirements-tensorflow.txt", "check_environment.py"):
        s3.upload_file(str(BOOTSTRAP / name), "fruit-features", f"code/1/bootstrap/{name}")
    yield node
    server.stop()


def test_this_machines_spark_environment_is_already_right(spark_node: Node) -> None:
    before = (SPARK_ENV / ".built-from").stat().st_mtime_ns
    done = spark_node.run("10_python_environment.sh", SPARK_ENV)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{SPARK_ENV} is already right: nothing to install\n"
    assert (SPARK_ENV / ".built-from").stat().st_mtime_ns == before


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-tensorflow.txt"])
def test_this_machines_spark_environment_is_verified_once(spark_node: Node, lock: str) -> None:
    spark_node.requirements_uri = f"{spark_node.requirements_uri.rpartition('/')[0]}/{lock}"
    for stamp in SPARK_ENV.glob(".verified-*"):
        stamp.unlink()

    first, second = (spark_node.run("20_verify_environment.sh", SPARK_ENV) for _ in range(2))

    assert first.returncode == 0, first.stderr
    versions = dict(line.split() for line in first.stdout.splitlines()[:-1])
    assert {"openvino", "pyarrow", "numpy"} < set(versions)
    assert ("tensorflow" in versions) is ("tensorflow" in lock)
    assert second.stdout == f"{SPARK_ENV} is verified\n"


def test_a_node_with_another_version_than_the_lock_is_failed_by_name(spark_node: Node, tmp_path: Path) -> None:
    s3 = boto3.client("s3", endpoint_url=spark_node.environment["AWS_ENDPOINT_URL"])
    lock = (BOOTSTRAP / "requirements.txt").read_text().replace("numpy==2", "numpy==3")
    s3.put_object(Bucket="fruit-features", Key="code/1/bootstrap/requirements.txt", Body=lock.encode())

    failed = spark_node.run("20_verify_environment.sh", SPARK_ENV)

    assert failed.returncode == 1
    assert "numpy: locked 3" in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("ERROR EnvironmentMismatchError: ")
