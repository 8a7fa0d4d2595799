"""Weights are found, staged and checked; what cannot be had or does not fit is told with its ways out."""

import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_features.networks import export
from image_features.networks.arguments import NetworkArguments
from image_features.networks.backbones import BACKBONES, Backbone, PublishedWeights
from image_features.networks.download import DownloadError, download
from image_features.networks.export import find_or_export
from image_features.networks.keras_model import WeightsMismatchError, load_network
from image_features.networks.weights import FoundWeights, WeightsUnavailableError, find_weights, stage
from image_features.storage import objects
from tools.data import stage_weights

MOBILENET = BACKBONES["mobilenet_v2"]


PUBLISHED = b"\x89HDF\r\n\x1a\n, and weights"


def _published(tmp_path: Path, content: bytes = PUBLISHED, **pinned: Any) -> Backbone:
    """A backbone whose weights are published under a URL that works without a network."""
    path = tmp_path / "published.h5"
    path.write_bytes(content)
    return dataclasses.replace(MOBILENET, imagenet=PublishedWeights(path.as_uri(), **pinned))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras-cache"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def _staged(prefix_uri: str, backbone: Backbone, folder: Path) -> FoundWeights:
    found = find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    stage(found, backbone, f"{prefix_uri}/models")
    return found


def test_published_weights_are_staged_once_and_then_come_from_there(
    prefix_uri: str, tmp_path: Path, folder: Path
) -> None:
    backbone, sha256 = _published(tmp_path), hashlib.sha256(PUBLISHED).hexdigest()
    assert _staged(prefix_uri, backbone, folder).sha256 == sha256
    pointer = objects.read_json(f"{prefix_uri}/models/mobilenet_v2-imagenet.json")
    assert pointer == {"uri": f"{prefix_uri}/models/{sha256}/published.h5", "sha256": sha256}

    (tmp_path / "published.h5").unlink()
    (tmp_path / "later").mkdir()
    later = find_weights("imagenet", backbone, f"{prefix_uri}/models", tmp_path / "later")
    assert later.path is not None
    assert later.path.read_bytes() == PUBLISHED
    assert later.sha256 == sha256


def test_the_pointer_of_the_first_run_stands(prefix_uri: str) -> None:
    uri = f"{prefix_uri}/models/x.json"
    assert objects.write_json_if_absent(uri, {"sha256": "first"})
    assert not objects.write_json_if_absent(uri, {"sha256": "second"})
    assert objects.read_json(uri) == {"sha256": "first"}


def test_a_file_in_kerass_cache_is_not_downloaded(
    prefix_uri: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    (tmp_path / "keras" / "models" / "gone.h5").write_bytes(PUBLISHED)
    backbone = dataclasses.replace(MOBILENET, imagenet=PublishedWeights("http://127.0.0.1:9/gone.h5"))
    found = find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    assert found.sha256 == hashlib.sha256(PUBLISHED).hexdigest()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"uri": 5, "sha256": "ab"}'])
def test_a_pointer_that_is_damaged_is_refused_and_named(
    prefix_uri: str, tmp_path: Path, folder: Path, content: bytes
) -> None:
    backbone = _published(tmp_path)
    _staged(prefix_uri, backbone, folder)
    pointer_uri = f"{prefix_uri}/models/mobilenet_v2-imagenet.json"
    objects.write_bytes(pointer_uri, content)
    with pytest.raises(WeightsUnavailableError, match=r"mobilenet_v2-imagenet\.json: cannot be used: it .*delete it"):
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)


def test_a_staged_file_that_was_changed_is_refused(prefix_uri: str, tmp_path: Path, folder: Path) -> None:
    backbone = _published(tmp_path)
    _staged(prefix_uri, backbone, folder)
    pointer_uri = f"{prefix_uri}/models/mobilenet_v2-imagenet.json"
    pointer = objects.read_json(pointer_uri)
    objects.write_bytes(pointer["uri"], b"something else")
    with pytest.raises(WeightsUnavailableError, match="not what was staged") as changed:
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    objects.delete(pointer["uri"])
    with pytest.raises(WeightsUnavailableError, match="there is no such object") as gone:
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    for caught in (changed, gone):
        assert f"{pointer['uri']}, which {pointer_uri} names; delete both" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "pinned", "says"),
    [
        (PUBLISHED, {"md5": "0" * 32}, "another MD5"),
        (PUBLISHED, {"sha256": "0" * 64}, "another SHA-256"),
        (PUBLISHED, {"size_bytes": 99}, f"{len(PUBLISHED)} bytes, and Keras's file has 99"),
        (b"<!DOCTYPE html><title>Log in", {}, "no HDF5 file, but begins with b'<!DOCTYPE html"),
        (b"", {}, "no HDF5 file"),
    ],
)
def test_a_file_that_is_not_keras_own_is_refused(
    prefix_uri: str, tmp_path: Path, folder: Path, content: bytes, pinned: dict[str, Any], says: str
) -> None:
    with pytest.raises(WeightsUnavailableError, match=says):
        find_weights("imagenet", _published(tmp_path, content, **pinned), f"{prefix_uri}/models", folder)


class _HalfAnswer(BaseHTTPRequestHandler):
    """Ends after half of what it announces, as a connection that breaks off does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(2 * len(PUBLISHED)))
        self.end_headers()
        self.wfile.write(PUBLISHED)

    def log_message(self, *_: Any) -> None:
        return


def test_a_download_that_ends_early_is_refused(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _HalfAnswer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/weights.h5"
        with pytest.raises(DownloadError, match=rf"ended after {len(PUBLISHED)} of {2 * len(PUBLISHED)} bytes"):
            download(url, tmp_path / "weights.h5")


def test_what_does_not_load_is_not_staged_and_the_error_names_where_it_is_from(
    prefix_uri: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It has the signature of a sound file, and is no network.
    monkeypatch.setitem(BACKBONES, "mobilenet_v2", _published(tmp_path))
    uris = {"stats_uri": "s3://b/s", "progress_uri": "s3://b/p", "models_uri": f"{prefix_uri}/models"}
    asked = NetworkArguments(**uris)
    monkeypatch.setattr(export, "in_own_process", lambda work, *arguments: load_network(MOBILENET, arguments[1]))
    weights = find_weights("imagenet", asked.architecture, asked.models_uri, folder)
    with pytest.raises(WeightsMismatchError, match=r"imagenet \(file://.*published\.h5\)"):
        find_or_export(asked, weights, folder)
    assert list(objects.list_objects(asked.models_uri)) == []


def test_a_download_that_cannot_be_made_names_the_three_ways_out(prefix_uri: str, folder: Path) -> None:
    backbone = dataclasses.replace(MOBILENET, imagenet=PublishedWeights("http://127.0.0.1:9/weights.h5"))
    with pytest.raises(WeightsUnavailableError) as caught:
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    message = str(caught.value)
    assert "mobilenet_v2" in message
    for way_out in ("from a machine with internet", "s3://bucket/key", "random:0"):
        assert way_out in message


def test_a_server_that_never_answers_does_not_hold_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A name server that drops every question holds getaddrinfo, which no timeout of urlopen ends.
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: time.sleep(30))
    started = time.monotonic()
    with pytest.raises(DownloadError, match="no answer within"):
        download("http://nowhere.invalid/x.h5", tmp_path / "x.h5", answers_within_s=0.2)
    assert time.monotonic() - started < 5


def test_nobody_publishes_the_dense_layers_of_vgg16_fc512(prefix_uri: str, folder: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match="nobody publishes"):
        find_weights("imagenet", BACKBONES["vgg16_fc512"], f"{prefix_uri}/models", folder)


def test_weights_of_ones_own_come_by_uri_or_path(prefix_uri: str, tmp_path: Path, folder: Path) -> None:
    objects.write_bytes(f"{prefix_uri}/mine.h5", b"my own")
    (tmp_path / "mine.h5").write_bytes(b"my own")
    for source in (f"{prefix_uri}/mine.h5", str(tmp_path / "mine.h5")):
        found = find_weights(source, MOBILENET, f"{prefix_uri}/models", folder)
        assert found.path is not None
        assert found.path.read_bytes() == b"my own"
        assert (found.source, found.sha256) == (source, hashlib.sha256(b"my own").hexdigest())


@pytest.mark.parametrize("where", ["s3", "path"])
def test_weights_that_are_not_there_are_told(where: str, prefix_uri: str, folder: Path) -> None:
    source = f"{prefix_uri}/none.h5" if where == "s3" else str(folder / "none.h5")
    with pytest.raises(WeightsUnavailableError, match=r"none\.h5"):
        find_weights(source, MOBILENET, f"{prefix_uri}/models", folder)


@pytest.mark.slow
def test_random_weights_are_the_same_for_the_same_seed_alone() -> None:
    def sha256(seed: int) -> str:
        return load_network(MOBILENET, FoundWeights(f"random:{seed}", seed=seed))[1]

    assert sha256(0) == sha256(0) != sha256(1)


@pytest.mark.slow
def test_weights_saved_from_the_backbone_are_loaded_into_it(tmp_path: Path) -> None:
    saved = load_network(MOBILENET, FoundWeights("random:7", seed=7))[0]
    path = tmp_path / "mine.weights.h5"
    saved.save_weights(path)
    loaded = load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))[0]
    for before, after in zip(saved.get_weights(), loaded.get_weights(), strict=True):
        assert (before == after).all()


@pytest.mark.parametrize("file_name", ["vgg.weights.h5", "vgg.h5"])
def test_weights_of_another_network_are_refused(tmp_path: Path, file_name: str) -> None:
    path = tmp_path / file_name
    BACKBONES["vgg16"].build().save_weights(path) if "weights" in file_name else _legacy(path)
    with pytest.raises(WeightsMismatchError, match=r"mobilenet_v2, which has 2,257,984 parameters") as caught:
        load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))
    assert str(path) in str(caught.value)


def test_a_file_that_leaves_a_layer_as_it_was_drawn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    path = tmp_path / "partial.weights.h5"
    path.write_bytes(b"")
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    with pytest.raises(WeightsMismatchError, match="nothing for 52 of its layers"):
        load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))


def test_the_demo_stages_no_file_that_does_not_load(
    prefix_uri: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKBONES, "mobilenet_v2", _published(tmp_path))
    with pytest.raises(SystemExit, match=r"^WeightsMismatchError: imagenet \(file://"):
        stage_weights.main("mobilenet_v2", f"{prefix_uri}/models")
    assert list(objects.list_objects(f"{prefix_uri}/models")) == []


@pytest.mark.slow
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    def spoil(weights: dict[str, Any]) -> None:
        kernel = np.array(weights["Conv1/kernel"])
        kernel[..., :8] = value
        weights["Conv1/kernel"].assign(kernel)

    with pytest.raises(WeightsMismatchError, match=r"1 of its weights hold NaN, .*Conv1/kernel the first"):
        _load_spoiled(tmp_path / "spoiled.weights.h5", spoil)


@pytest.mark.slow
def test_negative_variances_are_refused(tmp_path: Path) -> None:
    def spoil(weights: dict[str, Any]) -> None:
        variance = weights["bn_Conv1/moving_variance"]
        variance.assign(-variance.numpy())

    with pytest.raises(WeightsMismatchError, match="bn_Conv1/moving_variance the first"):
        _load_spoiled(tmp_path / "spoiled.weights.h5", spoil)


def _load_spoiled(path: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    model = load_network(MOBILENET, FoundWeights("random:7", seed=7))[0]
    spoil({weight.path: weight for weight in model.weights})
    model.save_weights(path)
    load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))


@pytest.mark.parametrize("error", [RuntimeError, SystemError, MemoryError, NotImplementedError])
def test_whatever_keras_or_h5py_raise_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    import keras

    def load_weights(*_: Any) -> None:
        raise error("unable to read\n a block")

    monkeypatch.setattr(keras.Model, "load_weights", load_weights)
    with pytest.raises(WeightsMismatchError, match=rf"mine\.h5: .*{error.__name__}: unable to read a block; pass"):
        load_network(MOBILENET, FoundWeights("s3://b/mine.h5", tmp_path / "mine.h5", "a sha"))


@pytest.mark.slow
def test_a_file_with_a_zeroed_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.weights.h5"
    load_network(MOBILENET, FoundWeights("random:7", seed=7))[0].save_weights(path)
    content = bytearray(path.read_bytes())
    content[2048 : 2048 + 64 * 1024] = bytes(64 * 1024)
    path.write_bytes(content)
    with pytest.raises(WeightsMismatchError, match=r"mine\.weights\.h5"):
        load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))


def _legacy(path: Path) -> None:
    BACKBONES["vgg16"].build().save(path)


@pytest.mark.parametrize("file_name", ["text.h5", "text.weights.h5", "text.keras", "text.txt"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, file_name: str) -> None:
    path = tmp_path / file_name
    path.write_bytes(b"no weights at all\n" * 100)
    with pytest.raises(WeightsMismatchError):
        load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))
