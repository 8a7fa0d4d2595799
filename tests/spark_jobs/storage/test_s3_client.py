"""What the client of a process does on S3's bad days, and on those of a node's metadata service."""

import dataclasses
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from image_features.errors import NoCredentialsError, ObjectNotFoundError, ObjectStoreError
from image_features.storage import objects, quick_reads, s3_client
from local_aws.hardness import EveryNth, Pace
from tests.faults.proxy import SLOW_DOWN, FaultyProxy, Request, Rule

KEYS = [f"{number:03d}.jpg" for number in range(120)]


@pytest.fixture
def proxy(endpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The way of new clients to the endpoint."""
    with FaultyProxy(urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        forget_clients()
        yield proxy
    forget_clients()


def forget_clients() -> None:
    s3_client.kept_client.cache_clear()
    quick_reads.kept_reader.cache_clear()


class MetadataService:
    """An instance's metadata service, version 2, which misses as many of its answers as it is told to."""

    def __init__(self) -> None:
        self.misses = EveryNth(1)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer(b"a-token")

            def do_GET(self) -> None:
                key = {"AccessKeyId": os.environ["KEY_OF_THE_ROLE"], "SecretAccessKey": os.environ["ITS_SECRET"]}
                document = {"Code": "Success", "Token": "session", "Expiration": "2099-01-01T00:00:00Z", **key}
                self._answer(b"role" if self.path.endswith("/") else json.dumps(document).encode())

            def _answer(self, content: bytes) -> None:
                if service.misses():
                    self.send_error(503)
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def metadata(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MetadataService]:
    """The only place that has credentials."""
    service = MetadataService()
    threading.Thread(target=service.server.serve_forever, args=(0.05,), daemon=True).start()
    for ours, name in (("KEY_OF_THE_ROLE", "AWS_ACCESS_KEY_ID"), ("ITS_SECRET", "AWS_SECRET_ACCESS_KEY")):
        monkeypatch.setenv(ours, os.environ[name])
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{service.server.server_port}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    yield service
    service.server.shutdown()
    service.server.server_close()


def reads(request: Request) -> bool:
    return request.operation == "S3 GET"


@pytest.mark.slow
def test_a_worker_that_s3_throttles_slows_down_and_loses_no_object(proxy: FaultyProxy, prefix_uri: str) -> None:
    for key in KEYS:
        objects.write_bytes(f"{prefix_uri}/{key}", key.encode())
    proxy.pace = Pace(15)

    def read(key: str) -> bytes:
        return objects.read_object(f"{prefix_uri}/{key}", 1000, connections=32).content

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(read, KEYS)) == [key.encode() for key in KEYS]


def test_a_small_object_is_read_by_obstore_and_boto3_is_not_asked(
    proxy: FaultyProxy, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.write_bytes(f"{prefix_uri}/photo.jpg", b"x" * 1000)
    monkeypatch.setattr(objects, "s3_client", None)
    stored = objects.read_object(f"{prefix_uri}/photo.jpg", 1000, connections=2)
    assert (stored.content, stored.size_bytes, len(stored.etag)) == (b"x" * 1000, 1000, 32)
    assert objects.read_object(f"{prefix_uri}/photo.jpg", 999, connections=2) == dataclasses.replace(
        stored, content=b""
    )


def test_after_a_refusal_boto3_reads_alone_for_a_while(proxy: FaultyProxy, prefix_uri: str) -> None:
    bucket, key = objects.split_uri(f"{prefix_uri}/photo.jpg")
    objects.write_bytes(f"{prefix_uri}/photo.jpg", b"photo")
    refusing = Rule(reads, SLOW_DOWN, times=3)
    proxy.rules.append(refusing)
    reader = quick_reads.quick_reader(bucket)
    assert reader.read(f"{key}-that-is-not-there", 1000) is None
    assert refusing.refused == 3
    assert reader.read(key, 1000) is None
    assert objects.read_object(f"{prefix_uri}/photo.jpg", 1000, connections=2).content == b"photo"


@pytest.mark.parametrize("key", ["/x.jpg", "a//x.jpg", "a/", "./x.jpg", "a/../x.jpg", "a\nb.jpg"])
def test_a_key_that_obstore_would_change_or_refuse_is_left_to_boto3(endpoint: Path, key: str) -> None:
    assert quick_reads.quick_reader("stage-tests").read(key, 1000) is None


def test_an_object_that_is_gone_does_not_stop_the_quick_reads(proxy: FaultyProxy, prefix_uri: str) -> None:
    objects.write_bytes(f"{prefix_uri}/here", b"1")
    bucket, key = objects.split_uri(f"{prefix_uri}/here")
    with pytest.raises(ObjectNotFoundError):
        objects.read_object(f"{prefix_uri}/gone", 1000, connections=2)
    assert quick_reads.quick_reader(bucket).read(key, 1000) is not None


def test_content_that_breaks_off_repeats_one_object(proxy: FaultyProxy, prefix_uri: str) -> None:
    objects.write_bytes(f"{prefix_uri}/photo.jpg", b"x" * 100_000)
    broken = Rule(reads, None, times=2)
    proxy.rules.append(broken)

    stored = objects.read_object(f"{prefix_uri}/photo.jpg", 200_000, connections=2)

    assert (stored.content, broken.refused) == (b"x" * 100_000, 2)


@pytest.mark.slow
def test_content_that_always_breaks_off_is_an_error_that_names_the_object(proxy: FaultyProxy, prefix_uri: str) -> None:
    objects.write_bytes(f"{prefix_uri}/photo.jpg", b"x" * 1000)
    proxy.rules.append(Rule(reads, None))

    with pytest.raises(ObjectStoreError, match=r"photo\.jpg"):
        objects.read_bytes(f"{prefix_uri}/photo.jpg")


def test_a_missed_answer_of_the_metadata_service_leaves_no_client_behind(
    metadata: MetadataService, prefix_uri: str
) -> None:
    with pytest.raises(NoCredentialsError, match="instance profile"):
        objects.write_bytes(f"{prefix_uri}/x", b"1")

    metadata.misses = EveryNth(5)
    objects.write_bytes(f"{prefix_uri}/x", b"1")
    assert objects.read_bytes(f"{prefix_uri}/x") == b"1"


def test_a_store_that_does_not_answer_is_an_error_that_names_the_endpoint(
    proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(s3_client, "_ATTEMPTS", 1)
    with pytest.raises(ObjectStoreError, match="AWS_ENDPOINT_URL"):
        objects.read_bytes("s3://lake/x")
