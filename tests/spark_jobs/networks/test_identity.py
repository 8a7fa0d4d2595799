"""The identity of a network is known without making it, and without the Internet, or it is not known."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from image_features.networks import export, identity
from image_features.networks.arguments import NetworkArguments, NetworkChoice
from image_features.networks.export import find_or_export
from image_features.networks.identity import identity_of, known_weights_sha256, store_identity
from image_features.networks.weights import FoundWeights
from image_features.storage import feature_store, objects


def _asked(prefix_uri: str, **changes: str) -> NetworkArguments:
    uris = {"stats_uri": "s3://b/s", "progress_uri": "s3://b/p", "models_uri": f"{prefix_uri}/models"}
    return NetworkArguments(**uris | changes)


@pytest.fixture(autouse=True)
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_features.networks.weights.download", None)


def test_a_file_of_weights_is_known_by_its_content(prefix_uri: str, endpoint: Path, tmp_path: Path) -> None:
    objects.write_bytes(f"{prefix_uri}/w.h5", b"weights")
    (tmp_path / "w.h5").write_bytes(b"weights")
    for source in (f"{prefix_uri}/w.h5", str(tmp_path / "w.h5")):
        assert known_weights_sha256(_asked(prefix_uri, weights=source)) == hashlib.sha256(b"weights").hexdigest()


def test_published_weights_are_known_once_they_are_staged(prefix_uri: str, endpoint: Path) -> None:
    assert known_weights_sha256(_asked(prefix_uri)) is None
    objects.write_json(f"{prefix_uri}/models/mobilenet_v2-imagenet.json", {"uri": "s3://b/w", "sha256": "a" * 64})
    assert known_weights_sha256(_asked(prefix_uri)) == "a" * 64


def test_a_damaged_pointer_is_told_and_not_known(
    prefix_uri: str, endpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (b"{", b"{}"):
        objects.write_bytes(f"{prefix_uri}/models/mobilenet_v2-imagenet.json", content)
        assert known_weights_sha256(_asked(prefix_uri)) is None
        assert "mobilenet_v2-imagenet.json: cannot be used" in caplog.text
        caplog.clear()


def test_random_weights_are_known_once_their_network_was_made(
    prefix_uri: str, endpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _asked(prefix_uri, weights="random:5")
    assert known_weights_sha256(asked) is None
    made = find_or_export(asked, FoundWeights("random:5", seed=5), tmp_path)
    monkeypatch.setattr(export, "in_own_process", None)
    assert known_weights_sha256(asked) == made.weights_sha256
    assert known_weights_sha256(dataclasses.replace(asked, weights="random:6")) is None
    assert known_weights_sha256(dataclasses.replace(asked, engine="tensorflow")) is None


def test_weights_that_are_not_there_are_told_and_not_known(
    prefix_uri: str, endpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert known_weights_sha256(_asked(prefix_uri, weights=f"{prefix_uri}/none.h5")) is None
    assert "none.h5" in caplog.text


def test_whatever_decides_a_vector_decides_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(sha256: str = "a" * 64, **changes: str) -> str:
        return feature_store.store_key(store_identity(NetworkChoice(**changes), sha256))

    keys = {key(), key("b" * 64), key(backbone="vgg16"), key(precision="bfloat16"), key(resize="bicubic")}
    keys.add(key(engine="tensorflow"))
    assert key(weights="random:1") == key()
    monkeypatch.setattr(identity, "PREPROCESSING_VERSION", -1)
    keys.add(key())
    assert len(keys) == 7
    assert all(len(key) == 16 for key in keys)


def test_the_folder_of_an_identity_never_moves() -> None:
    # Written out by hand: a change of the key would compute every vector of every bucket again.
    text = (
        '{"backbone": "mobilenet_v2", "engine": "openvino", "precision": "float32", "preprocessing_version": 2, '
        f'"resize": "bilinear", "weights_sha256": "{"a" * 64}"}}'
    )
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    whole = {**store_identity(NetworkChoice(), "a" * 64), "preprocessing_version": 2}
    assert feature_store.vectors_uri("s3://b/feature_store", whole) == f"s3://b/feature_store/vectors/v2/{key}"
    assert identity_of(NetworkChoice(), "a" * 64).keys() == whole.keys() - {"engine"}
