"""The endpoint as a process: it starts or says why not, answers for several services, and stops cleanly."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import local_aws
from tests.local_aws.conftest import REPOSITORY, Endpoint, endpoint_command, free_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def run_to_its_end(folder: Path, port: int, spark_env: Path, **variables: str) -> tuple[int, str]:
    result = subprocess.run(
        endpoint_command(folder, port, spark_env),
        cwd=REPOSITORY,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_health_says_that_it_is_ready_and_no_more_than_a_stranger_may_know(endpoint: Endpoint) -> None:
    with urllib.request.urlopen(f"{endpoint.url}/_local_aws/health") as response:
        health = json.load(response)
    key = hashlib.sha256(os.environ["AWS_ACCESS_KEY_ID"].encode()).hexdigest()
    assert health == {"ready": True, "version": local_aws.__version__, "key": key}


def test_other_services_are_answered_by_moto(endpoint: Endpoint) -> None:
    assert endpoint.client("sts").get_caller_identity()["Account"] == "123456789012"
    sqs = endpoint.client("sqs")
    queue_url = sqs.create_queue(QueueName="pears")["QueueUrl"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="a pear")
    assert sqs.receive_message(QueueUrl=queue_url)["Messages"][0]["Body"] == "a pear"


def test_emr_is_answered(endpoint: Endpoint) -> None:
    emr = endpoint.client("emr")
    with pytest.raises(emr.exceptions.InvalidRequestException, match="j-NOSUCHCLUSTER"):
        emr.describe_cluster(ClusterId="j-NOSUCHCLUSTER")


def test_one_connection_serves_many_requests(endpoint: Endpoint, s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"pear")
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"))
    connection.connect()
    first_socket = connection.sock
    for path, status, body in [
        (f"/{bucket}/a", 200, b"pear"),
        (f"/{bucket}/missing", 404, None),
        ("/_local_aws/health", 200, None),
        (f"/{bucket}/a", 200, b"pear"),
    ]:
        connection.request("GET", path, headers=endpoint.signed("GET", path))
        response = connection.getresponse()
        answered = response.read()
        assert response.status == status
        assert body in (None, answered)
        assert connection.sock is first_socket


def test_an_upload_that_is_refused_before_its_body_was_read_does_not_spoil_the_connection(endpoint: Endpoint) -> None:
    connection, body = http.client.HTTPConnection(endpoint.url.removeprefix("http://")), b"x" * 3_000_000
    for _ in range(3):
        headers = endpoint.signed("PUT", "/no-such-bucket/a", body)
        connection.request("PUT", "/no-such-bucket/a", body, headers)
        response = connection.getresponse()
        assert (response.status, b"NoSuchBucket" in response.read()) == (404, True)
    connection.request("GET", "/_local_aws/health")
    assert connection.getresponse().status == 200


def test_an_upload_refused_before_the_client_sent_its_body_does_not_spoil_the_connection(endpoint: Endpoint) -> None:
    """boto3 asks with `Expect: 100-continue` and sends the body only when it is told to."""
    s3 = endpoint.client("s3", max_pool_connections=1, retries={"total_max_attempts": 1})
    for _ in range(3):
        with pytest.raises(s3.exceptions.NoSuchBucket):
            s3.put_object(Bucket="no-such-bucket", Key="a", Body=b"x")
        s3.list_buckets()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_frees_the_port(new_endpoint: Callable[[], Endpoint], number: signal.Signals) -> None:
    running = new_endpoint()
    running.process.send_signal(number)
    assert running.process.wait(timeout=30) == 0
    log = running.log_path.read_text()
    assert log.count(f"ready at {running.url}") == 1
    assert "Traceback" not in log
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(running.url.rpartition(":")[2]))) != 0


@pytest.mark.slow
def test_it_stops_although_a_client_has_stopped_reading(new_endpoint: Callable[[], Endpoint]) -> None:
    running = new_endpoint()
    (running.root / "fruits").mkdir()
    with (running.root / "fruits" / "large").open("wb") as large:
        large.truncate(300_000_000)
    with socket.create_connection(running.address) as stalled:
        stalled.sendall(running.head("GET", "/fruits/large"))
        assert stalled.recv(12) == b"HTTP/1.1 200"
        assert running.stop() == 0


@pytest.mark.slow
def test_a_port_in_use_is_one_clear_line(endpoint: Endpoint, tmp_path: Path, spark_env: Path) -> None:
    port = int(endpoint.url.rpartition(":")[2])
    code, output = run_to_its_end(tmp_path, port, spark_env)
    assert code == 1
    assert len(output.splitlines()) == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in output
    assert "--port" in output


@pytest.mark.slow
def test_a_root_that_cannot_be_written_is_one_clear_line(tmp_path: Path, spark_env: Path) -> None:
    (tmp_path / "s3").write_text("a file where the folder should be")
    code, output = run_to_its_end(tmp_path, free_port(), spark_env)
    assert code == 1
    assert len(output.splitlines()) == 1
    assert f"cannot write to {tmp_path / 's3'}" in output
    assert "--root" in output


def test_a_missing_spark_environment_is_one_clear_line(tmp_path: Path) -> None:
    code, output = run_to_its_end(tmp_path, free_port(), tmp_path / "nothing")
    assert code == 1
    assert len(output.splitlines()) == 1
    assert f"{tmp_path / 'nothing'}/bin/python is missing" in output
    assert "--spark-env" in output


def test_without_a_key_it_does_not_start(tmp_path: Path, spark_env: Path) -> None:
    code, output = run_to_its_end(tmp_path, free_port(), spark_env, AWS_SECRET_ACCESS_KEY="")
    assert code == 1
    assert len(output.splitlines()) == 1
    assert "no access key: set AWS_ACCESS_KEY_ID" in output


@pytest.mark.slow
def test_two_endpoints_cannot_serve_one_root(new_endpoint: Callable[[], Endpoint], spark_env: Path) -> None:
    running = new_endpoint()
    code, output = run_to_its_end(running.root.parent, free_port(), spark_env)
    assert code == 1
    assert len(output.splitlines()) == 1
    assert f"{running.root} is served by another endpoint" in output
