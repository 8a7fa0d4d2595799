"""Whether weights can be had is known before there is a cluster, and a refusal says the ways out."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from emr_pipeline.errors import ParamsError, WeightsUnavailableError
from emr_pipeline.s3 import weights
from emr_pipeline.s3.objects import etag_of
from emr_pipeline.s3.weights import FoundWeights, find_weights
from tests.plugins.published_runs import put, stage_imagenet

MODELS = "s3://pictures/models"
NOWHERE = "http://127.0.0.1:9/weights.h5"


class Publisher(BaseHTTPRequestHandler):
    """A server that has `/weights.h5` and nothing else."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/weights.h5" else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), Publisher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def found(s3: Any, asked: str = "imagenet", backbone: str = "resnet50", components: int = 4) -> FoundWeights:
    params = {"weights": asked, "backbone": backbone, "pca_components": components, "explained_variance": None}
    return find_weights(s3, params, MODELS)


def published_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(weights, "IMAGENET_URLS", {"resnet50": url})


def test_weights_of_keras_that_were_staged_need_no_internet(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    published_at(monkeypatch, NOWHERE)
    stage_imagenet(s3, "resnet50", "digest")

    assert found(s3) == FoundWeights(sha256="digest")


def test_weights_of_keras_that_no_run_has_staged_can_be_had_where_their_server_answers(
    s3: Any, publisher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published_at(monkeypatch, f"{publisher}/weights.h5")

    assert found(s3) == FoundWeights()


@pytest.mark.parametrize("answers", [True, False])
def test_weights_that_are_nowhere_are_refused_with_the_three_ways_out(
    s3: Any, publisher: str, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    published_at(monkeypatch, f"{publisher}/gone.h5" if answers else NOWHERE)

    with pytest.raises(WeightsUnavailableError) as refusal:
        found(s3)

    text = str(refusal.value)
    assert "no run has staged them (s3://pictures/models/resnet50-imagenet.json is not there)" in text
    assert all(way in text for way in ("machine with internet", "s3://bucket/key", "random:0"))


def test_weights_that_nobody_publishes_are_refused(s3: Any) -> None:
    with pytest.raises(WeightsUnavailableError, match="nobody publishes ImageNet weights for vgg16_fc512"):
        found(s3, backbone="vgg16_fc512")


def test_a_pointer_to_a_file_that_is_gone_is_refused_and_named(s3: Any) -> None:
    put(s3, "models/resnet50-imagenet.json", {"uri": "s3://pictures/models/x/gone.h5", "sha256": "digest"})

    with pytest.raises(WeightsUnavailableError, match=r"resnet50-imagenet\.json names .*gone\.h5, and there is no"):
        found(s3)


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"{}", b'{"uri": "s3://pictures/models/x/w.h5"}'])
def test_a_pointer_that_is_damaged_is_refused_and_named(s3: Any, content: bytes) -> None:
    s3.put_object(Bucket="pictures", Key="models/resnet50-imagenet.json", Body=content)

    with pytest.raises(WeightsUnavailableError, match=r"resnet50-imagenet\.json names no file of weights .*delete it"):
        found(s3)


DESCRIBED = {
    "files": {"net.onnx": "0a" * 32},
    "side_px": 64,
    "channels": "RGB",
    "mean": 0,
    "scale": 1,
    "output": "o",
    "dimension": 5,
}


def put_network(s3: Any, model: bytes | None = b"\x08onnx", **changed: Any) -> str | None:
    """The ETag of a description, with its model next to it."""
    if model is not None:
        s3.put_object(Bucket="pictures", Key="nets/net.onnx", Body=model)
    put(s3, "nets/net.json", {**DESCRIBED, **changed})
    return etag_of(s3, "s3://pictures/nets/net.json")


def test_a_network_of_ones_own_is_known_by_its_description(s3: Any) -> None:
    etag = put_network(s3)

    assert found(s3, "s3://pictures/nets/net.json", "file") == FoundWeights(etag=etag)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ({"model": b"<!DOCTYPE html>"}, r"net\.onnx is no ONNX model"),
        ({"model": b""}, r"net\.onnx is no ONNX model"),
        ({"model": None}, r"names net\.onnx, which is not next to it"),
        ({"side_px": 0}, r"net\.json: side_px is 0, and must be .*docs/networks\.md"),
    ],
)
def test_a_network_that_no_cluster_could_use_is_refused(s3: Any, network: dict[str, Any], says: str) -> None:
    put_network(s3, **network)

    with pytest.raises(WeightsUnavailableError, match=says):
        found(s3, "s3://pictures/nets/net.json", "file")


def test_a_network_of_ones_own_limits_the_components_as_any_other(s3: Any) -> None:
    put_network(s3)

    with pytest.raises(ParamsError, match="backbone file gives vectors of 5 numbers"):
        found(s3, "s3://pictures/nets/net.json", "file", components=6)


def test_random_weights_and_a_file_of_ones_own_are_where_they_are(s3: Any) -> None:
    etag = s3.put_object(Bucket="pictures", Key="own.h5", Body=b"own")["ETag"].strip('"')

    assert found(s3, "random:3") == FoundWeights()
    assert found(s3, "s3://pictures/own.h5") == FoundWeights(etag=etag)
