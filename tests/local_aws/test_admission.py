"""The door of the endpoint: strangers, web pages and other users get nothing, and nobody can block it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws import admission, server
from local_aws.admission import Door
from local_aws.hardness import Hardness, Strikes
from local_aws.metadata import MetadataService
from local_aws.s3.files.store import ObjectStore
from local_aws.server import Server, make_app
from local_aws.signature import AccessKey
from tests.local_aws.conftest import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOME = 70
"""More than the endpoint has threads."""
RUN_JOB_FLOW = {"X-Amz-Target": "ElasticMapReduce.RunJobFlow", "Content-Type": "application/x-amz-json-1.1"}
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def send(
    endpoint: Endpoint, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, body, dict(headers or {}))
    response = connection.getresponse()
    return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}


def send_raw(endpoint: Endpoint, request: bytes) -> bytes:
    with socket.create_connection(endpoint.address) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


@pytest.fixture
def pear(s3: S3Client, bucket: str) -> str:
    """The path of an object, which is still there after the test."""
    s3.put_object(Bucket=bucket, Key="pear", Body=b"a pear")
    return f"/{bucket}/pear"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:5600", "localhost@evil.example", "[::2]", ""])
def test_a_request_for_another_host_is_misdirected(endpoint: Endpoint, pear: str, host: str) -> None:
    for path in (pear, "/_local_aws/health"):
        status, body, _ = send(endpoint, "GET", path, headers=endpoint.signed("GET", path) | {"Host": host})
        assert (status, b"--allow-host" in body) == (421, True)
        assert b"a pear" not in body


def test_a_request_with_no_host_or_two_is_refused(endpoint: Endpoint) -> None:
    assert b" 421 " in send_raw(endpoint, b"GET /_local_aws/health HTTP/1.0\r\n\r\n")
    two = b"GET /_local_aws/health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert b" 200 " not in send_raw(endpoint, two)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:5600"])
def test_this_machines_own_names_are_answered(endpoint: Endpoint, host: str) -> None:
    assert send(endpoint, "GET", "/_local_aws/health", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Origin": "https://evil.example"}),
        ("GET", {"Origin": "null"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", **NAVIGATION}),
        ("DELETE", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
        ("OPTIONS", {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}),
    ],
)
def test_what_a_web_page_sends_is_refused_even_with_a_signature(
    endpoint: Endpoint, s3: S3Client, pear: str, method: str, headers: dict[str, str]
) -> None:
    status, body, answered = send(endpoint, method, pear, headers=endpoint.signed(method, pear) | headers)
    assert (status, b"web pages" in body) == (403, True)
    assert not [name for name in answered if name.startswith("access-control")]
    assert s3.get_object(Bucket=pear.split("/")[1], Key="pear")["Body"].read() == b"a pear"


@pytest.mark.parametrize(
    ("site", "destination"),
    [("cross-site", "document"), ("same-site", "document"), ("none", "document"), ("same-site", "iframe")],
)
def test_a_link_that_a_person_follows_opens_and_so_does_the_tab_of_airflow_here(
    endpoint: Endpoint, pear: str, site: str, destination: str
) -> None:
    s3 = endpoint.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", {"Bucket": pear.split("/")[1], "Key": "pear"})
    path = url.removeprefix(endpoint.url)
    headers = {"Sec-Fetch-Site": site, **NAVIGATION, "Sec-Fetch-Dest": destination}
    status, body, _ = send(endpoint, "GET", path, headers=headers)
    assert (status, body) == (200, b"a pear")


@pytest.mark.parametrize(
    "change", [("pear", "peach"), ("X-Amz-Expires=3600", "X-Amz-Expires=9999"), ("X-Amz-Date=20", "X-Amz-Date=21")]
)
def test_a_presigned_address_opens_what_was_signed_alone(
    endpoint: Endpoint, pear: str, change: tuple[str, str]
) -> None:
    s3 = endpoint.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", {"Bucket": pear.split("/")[1], "Key": "pear"})
    path = url.removeprefix(endpoint.url)
    assert change[0] in path
    assert send(endpoint, "GET", path)[0] == 200
    assert send(endpoint, "GET", path.replace(*change))[0] == 403
    assert send(endpoint, "PUT", path, b"")[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/{bucket}/pear", {}),
        ("PUT", "/{bucket}/pear", {}),
        ("DELETE", "/{bucket}/pear", {}),
        ("POST", "/{bucket}?delete", {}),
        ("PUT", "/{bucket}?notification", {}),
        ("POST", "/", RUN_JOB_FLOW),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("GET", "/elasticmapreduce_us-east-1/", {}),
        ("GET", "/us-east-1_pool/.well-known/jwks.json", {}),
    ],
)
def test_who_does_not_sign_or_signs_with_another_key_is_refused(
    endpoint: Endpoint, s3: S3Client, bucket: str, pear: str, method: str, path: str, headers: dict[str, str]
) -> None:
    path, body = path.format(bucket=bucket), b"Action=ListClusters" if method in ("POST", "PUT") else b""
    signed = endpoint.signed(method, path, body, headers)
    key_id = signed["Authorization"].partition("=")[2].partition("/")[0]
    wrong = {
        "unsigned": headers,
        "id": signed | {"Authorization": signed["Authorization"].replace(key_id, "AKIAOTHER")},
        "secret": signed | {"Authorization": f"{signed['Authorization'][:-64]}{'0' * 64}"},
        "version 2": headers | {"Authorization": f"AWS {key_id}:AAAA"},
    }
    assert {name: send(endpoint, method, path, body, tried)[0] for name, tried in wrong.items()} == dict.fromkeys(
        wrong, 403
    )
    assert s3.get_object(Bucket=bucket, Key="pear")["Body"].read() == b"a pear"


def test_the_body_of_an_order_is_signed_too(endpoint: Endpoint) -> None:
    headers = endpoint.signed("POST", "/", b"{}", RUN_JOB_FLOW, service="elasticmapreduce")
    del headers["X-Amz-Content-SHA256"]
    assert send(endpoint, "POST", "/", b'{"Name": "other"}', headers)[0] == 403


def test_boto3_says_what_to_do_with_a_wrong_key(endpoint: Endpoint) -> None:
    session = boto3.Session("AKIAOTHER", "no", region_name="us-east-1")
    client = session.client("s3", endpoint_url=endpoint.url)
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId.*AWS_SECRET_ACCESS_KEY"):
        client.list_buckets()


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto%2Dapi/recorder/replay-recording", "/latest/meta-data/", "/favicon.ico"]
)
def test_what_moto_serves_without_a_signature_is_not_there(endpoint: Endpoint, pear: str, path: str) -> None:
    for method in ("GET", "POST"):
        assert send(endpoint, method, path)[0] == 404
        assert send(endpoint, method, path, headers=endpoint.signed(method, path))[0] == 404


def test_no_answer_says_that_a_page_may_read_it(endpoint: Endpoint) -> None:
    sqs = endpoint.client("sqs")
    found = sqs.list_queues()["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in found if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("service", "method", "path", "length", "sent"),
    [
        ("s3", "PUT", "/{bucket}/a", "1000", b"x"),
        ("s3", "PUT", "/{bucket}/a", "50000000", b"x"),
        ("s3", "PUT", "/{bucket}/a", "50000000", b"x" * 1_100_000),
        ("s3", "PUT", "/{bucket}?notification", "1000", b"<"),
        ("elasticmapreduce", "POST", "/", "1000", b"Action="),
    ],
)
def test_bodies_that_stall_stop_nobody_else(
    endpoint: Endpoint, s3: S3Client, bucket: str, service: str, method: str, path: str, length: str, sent: bytes
) -> None:
    head = endpoint.head(
        method,
        path.format(bucket=bucket),
        service,
        content_length=length,
        content_type="application/x-www-form-urlencoded",
    )
    with ExitStack() as stalled:
        for _ in range(SOME):
            stalled.enter_context(socket.create_connection(endpoint.address)).sendall(head + sent)
        started = time.monotonic()
        s3.put_object(Bucket=bucket, Key="b", Body=b"pear")
        assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"pear"
        s3.get_bucket_notification_configuration(Bucket=bucket)
        endpoint.client("emr").list_clusters()
        assert time.monotonic() - started < 15


@pytest.fixture
def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """An endpoint in this process that loses its patience in a second."""
    monkeypatch.setattr(admission, "BODY_PATIENCE_S", 0.5)
    monkeypatch.setattr(server, "HEADER_PATIENCE_S", 1)
    (tmp_path / "s3" / "fruits").mkdir(parents=True)
    store = ObjectStore(tmp_path / "s3")
    strikes = Strikes()
    listener, key = socket.create_server(("127.0.0.1", 0)), AccessKey("testing", "testing")
    running = Server(Door(make_app(store, Hardness(), strikes), key, (), MetadataService(key, 0, strikes)), "ready")
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield Endpoint(url, tmp_path / "s3", tmp_path, None, tmp_path)  # type: ignore[arg-type]
    running.should_exit = True
    thread.join()
    store.close()


@pytest.mark.parametrize(("length", "sent"), [("1000", b"x"), ("50000000", b"x" * 1_100_000)])
def test_a_body_that_stalls_is_ended_and_leaves_nothing(hurried: Endpoint, length: str, sent: bytes) -> None:
    with socket.create_connection(hurried.address) as connection:
        connection.sendall(hurried.head("PUT", "/fruits/a", content_length=length) + sent)
        connection.settimeout(10)
        answer = connection.recv(1000)
    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))
    assert list((hurried.root / "fruits").iterdir()) == []


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_connection_without_a_whole_header_is_closed(hurried: Endpoint, begun: bytes) -> None:
    with socket.create_connection(hurried.address) as connection:
        connection.sendall(begun)
        connection.settimeout(10)
        assert connection.recv(1000) == b""


@pytest.mark.slow
def test_a_connection_that_is_kept_for_the_next_request_stays_open(hurried: Endpoint) -> None:
    connection = http.client.HTTPConnection(hurried.url.removeprefix("http://"))
    for _ in range(2):
        connection.request("GET", "/_local_aws/health")
        assert connection.getresponse().read()
        kept = connection.sock
        time.sleep(2.5)
    assert connection.sock is kept


def test_an_order_of_any_size_or_depth_is_an_error_of_its_sender(endpoint: Endpoint) -> None:
    for body, status in ((b"[" * 900_000, 400), (b'{"Name": "' + b"x" * 2_000_000 + b'"}', 413)):
        headers = endpoint.signed("POST", "/", body, RUN_JOB_FLOW, service="elasticmapreduce")
        assert send(endpoint, "POST", "/", body, headers)[0] == status
    assert json.loads(send(endpoint, "GET", "/_local_aws/health")[1])["ready"]
    log = endpoint.log_path.read_text()
    assert "RecursionError" not in log
