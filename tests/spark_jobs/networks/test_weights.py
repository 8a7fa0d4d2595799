"""Weights are found, staged and checked; what cannot be had or does not fit is told with its ways out."""

import dataclasses
import hashlib
import time
from pathlib import Path

import pytest

from image_features.networks.backbones import BACKBONES, Backbone, PublishedWeights
from image_features.networks.download import DownloadError, download
from image_features.networks.keras_model import WeightsMismatchError, load_network
from image_features.networks.weights import FoundWeights, WeightsUnavailableError, find_weights
from image_features.storage import objects

MOBILENET = BACKBONES["mobilenet_v2"]


def _published(tmp_path: Path, content: bytes = b"weights as published", md5: str | None = None) -> Backbone:
    """A backbone whose weights are published under a URL that works without a network."""
    path = tmp_path / "published.h5"
    path.write_bytes(content)
    return dataclasses.replace(MOBILENET, imagenet=PublishedWeights(path.as_uri(), md5))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras-cache"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_published_weights_are_staged_once_and_then_come_from_there(
    prefix_uri: str, tmp_path: Path, folder: Path
) -> None:
    backbone, sha256 = _published(tmp_path), hashlib.sha256(b"weights as published").hexdigest()
    first = find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    assert first.sha256 == sha256
    pointer = objects.read_json(f"{prefix_uri}/models/mobilenet_v2-imagenet.json")
    assert pointer == {"uri": f"{prefix_uri}/models/{sha256}/published.h5", "sha256": sha256}

    (tmp_path / "published.h5").unlink()
    (tmp_path / "later").mkdir()
    later = find_weights("imagenet", backbone, f"{prefix_uri}/models", tmp_path / "later")
    assert later.path is not None
    assert later.path.read_bytes() == b"weights as published"
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
    (tmp_path / "keras" / "models" / "gone.h5").write_bytes(b"cached")
    backbone = dataclasses.replace(MOBILENET, imagenet=PublishedWeights("http://127.0.0.1:9/gone.h5"))
    found = find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    assert found.sha256 == hashlib.sha256(b"cached").hexdigest()


def test_a_staged_file_that_was_changed_is_refused(prefix_uri: str, tmp_path: Path, folder: Path) -> None:
    backbone = _published(tmp_path)
    find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    pointer = objects.read_json(f"{prefix_uri}/models/mobilenet_v2-imagenet.json")
    objects.write_bytes(pointer["uri"], b"something else")
    with pytest.raises(WeightsUnavailableError, match="not what was staged"):
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)


def test_a_download_with_another_md5_is_refused_and_not_staged(prefix_uri: str, tmp_path: Path, folder: Path) -> None:
    backbone = _published(tmp_path, md5="0" * 32)
    with pytest.raises(WeightsUnavailableError, match="another MD5"):
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    assert list(objects.list_objects(f"{prefix_uri}/models")) == []


def test_a_download_that_cannot_be_made_names_the_three_ways_out(prefix_uri: str, folder: Path) -> None:
    backbone = dataclasses.replace(MOBILENET, imagenet=PublishedWeights("http://127.0.0.1:9/weights.h5"))
    with pytest.raises(WeightsUnavailableError) as caught:
        find_weights("imagenet", backbone, f"{prefix_uri}/models", folder)
    message = str(caught.value)
    assert "mobilenet_v2" in message
    for way_out in ("from a machine with internet", "--weights s3://", "--weights random:0"):
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


def test_random_weights_are_the_same_for_the_same_seed_alone() -> None:
    def sha256(seed: int) -> str:
        return load_network(MOBILENET, FoundWeights(f"random:{seed}", seed=seed)).weights_sha256

    assert sha256(0) == sha256(0) != sha256(1)


def test_weights_saved_from_the_backbone_are_loaded_into_it(tmp_path: Path) -> None:
    saved = load_network(MOBILENET, FoundWeights("random:7", seed=7)).model
    path = tmp_path / "mine.weights.h5"
    saved.save_weights(path)
    loaded = load_network(MOBILENET, FoundWeights(str(path), path, "a sha")).model
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


def _legacy(path: Path) -> None:
    BACKBONES["vgg16"].build().save(path)


@pytest.mark.parametrize("file_name", ["text.h5", "text.weights.h5", "text.keras", "text.txt"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, file_name: str) -> None:
    path = tmp_path / file_name
    path.write_bytes(b"no weights at all\n" * 100)
    with pytest.raises(WeightsMismatchError):
        load_network(MOBILENET, FoundWeights(str(path), path, "a sha"))
