"""An exported network is found again only when it is the one that would be made, and only when it is whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from image_features.networks import export
from image_features.networks.arguments import NetworkArguments, NetworkChoice
from image_features.networks.backbones import Backbone
from image_features.networks.engines.engine import engine_module
from image_features.networks.export import ExportedNetwork, find_or_export
from image_features.networks.keras_model import WeightsMismatchError
from image_features.networks.weights import FoundWeights
from image_features.storage import objects
from tests.spark_jobs.networks_for_tests import ENGINES

if TYPE_CHECKING:
    import keras

WEIGHTS = FoundWeights("random:1", seed=1)
PIXELS = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)


@dataclass(frozen=True)
class TinyBackbone(Backbone):
    """One convolution instead of fifty."""

    def build(self) -> "keras.Model":
        import keras

        given = keras.Input(self.input_shape())
        convolved = keras.layers.Conv2D(5, 3)(given)
        return keras.Model(given, keras.layers.GlobalAveragePooling2D()(convolved))


TINY = TinyBackbone("tiny", "mobilenet_v2", "None", None, side_px=8)


@dataclass(frozen=True, kw_only=True)
class TinyArguments(NetworkArguments):
    """A run's choice of the tiny backbone."""

    stats_uri: str = "s3://b/s"
    progress_uri: str = "s3://b/p"
    models_uri: str = "s3://b/models"
    architecture: Backbone = TINY  # type: ignore[assignment]


def _find(prefix_uri: str, folder: Path, weights: FoundWeights = WEIGHTS, engine: str = "openvino") -> ExportedNetwork:
    folder.mkdir(exist_ok=True)
    return find_or_export(TinyArguments(engine=engine, models_uri=f"{prefix_uri}/models"), weights, folder)


def _vectors(network: ExportedNetwork, engine: str = "openvino") -> np.ndarray:
    chosen = NetworkChoice(engine=engine)
    return engine_module(chosen).load(network.files[0], chosen, 1)(PIXELS)


def _records(prefix_uri: str) -> list[str]:
    return [listed.uri for listed in objects.list_objects(f"{prefix_uri}/models/networks")]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_run_makes_no_network_and_computes_the_same(
    endpoint: Path, prefix_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    first = _find(prefix_uri, tmp_path / "first", engine=engine)
    monkeypatch.setattr(export, "in_own_process", None)
    second = _find(prefix_uri, tmp_path / "second", engine=engine)
    assert second.weights_sha256 == first.weights_sha256
    np.testing.assert_array_equal(_vectors(second, engine), _vectors(first, engine))


@pytest.mark.slow
@pytest.mark.own_process
def test_each_network_is_made_in_a_process_of_its_own(endpoint: Path, prefix_uri: str, tmp_path: Path) -> None:
    networks = [_find(prefix_uri, tmp_path / engine, engine=engine) for engine in ENGINES]
    # Each in its own Keras backend, with channels first and last: the same weights, the same vectors.
    assert len({network.weights_sha256 for network in networks}) == 1
    first, second = (_vectors(network, engine) for network, engine in zip(networks, ENGINES, strict=True))
    np.testing.assert_allclose(first, second, rtol=1e-5)
    # Its weights may be of another network; that is told as if it had happened here.
    no_weights = tmp_path / "no.weights.h5"
    no_weights.write_bytes(b"no weights")
    with pytest.raises(WeightsMismatchError, match=r"s3://b/w\.h5"):
        _find(f"{prefix_uri}/other", tmp_path / "refused", FoundWeights("s3://b/w.h5", no_weights, "a" * 64))


def test_what_a_network_is_made_of_decides_whether_it_is_found(
    endpoint: Path, prefix_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _find(prefix_uri, tmp_path / "first")
    other_weights = _find(prefix_uri, tmp_path / "weights", FoundWeights("random:2", seed=2))
    assert other_weights.weights_sha256 != first.weights_sha256
    assert np.abs(_vectors(other_weights) - _vectors(first)).max() > 1e-3
    _find(prefix_uri, tmp_path / "engine", engine="tensorflow")
    monkeypatch.setattr(export, "PREPROCESSING_VERSION", -1)
    _find(prefix_uri, tmp_path / "preprocessing")
    monkeypatch.setattr(export, "package_versions", lambda packages: {"keras": "0"})
    _find(prefix_uri, tmp_path / "versions")
    monkeypatch.setattr(export, "_SOURCES", ("weights.py",))
    _find(prefix_uri, tmp_path / "sources")
    assert len(_records(prefix_uri)) == 6


def test_files_of_weights_are_told_apart_by_their_content_not_their_name() -> None:
    made_of = [
        export._made_of(TinyArguments(), FoundWeights("s3://b/w.h5", Path("w.h5"), sha256))
        for sha256 in ("a" * 64, "b" * 64)
    ]
    assert made_of[0] != made_of[1]
    assert made_of[0] == export._made_of(TinyArguments(), FoundWeights("x", Path("x"), "a" * 64))
    assert made_of[0] != export._made_of(NetworkChoice(), FoundWeights("x", Path("x"), "a" * 64))


def test_a_record_names_files_of_no_other_folder(endpoint: Path, prefix_uri: str, tmp_path: Path) -> None:
    _find(prefix_uri, tmp_path / "first")
    (record_uri,) = _records(prefix_uri)
    record = objects.read_json(record_uri)
    record["files"][0]["name"] = f"../../{record['files'][0]['name']}"
    objects.write_json(record_uri, record)
    (tmp_path / "a").mkdir()
    found = _find(prefix_uri, tmp_path / "a" / "b")
    assert {path.parent for path in found.files} == {tmp_path / "a" / "b"}
    assert not (tmp_path / "network.xml").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": [{"name": "a"}], "weights_sha256": "ab"}'])
def test_a_record_that_is_damaged_is_reported_and_written_again(
    endpoint: Path,
    prefix_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    first = _find(prefix_uri, tmp_path / "first")
    (record_uri,) = _records(prefix_uri)
    objects.write_bytes(record_uri, content)
    _find(prefix_uri, tmp_path / "second")
    assert f"{record_uri} is no record of a network" in caplog.text
    monkeypatch.setattr(export, "in_own_process", None)
    np.testing.assert_array_equal(_vectors(_find(prefix_uri, tmp_path / "third")), _vectors(first))


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_network_is_reported_and_made_again_once(
    endpoint: Path,
    prefix_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    first = _find(prefix_uri, tmp_path / "first")
    expected = _vectors(first)
    (record_uri,) = _records(prefix_uri)
    kept_uri = objects.read_json(record_uri)["files"][1]["uri"]
    if damage == "gone":
        objects.delete(kept_uri)
    else:
        objects.write_bytes(kept_uri, objects.read_bytes(kept_uri)[::-1])
    second = _find(prefix_uri, tmp_path / "second")
    np.testing.assert_array_equal(_vectors(second), expected)
    assert "made again" in caplog.text
    assert kept_uri in caplog.text
    monkeypatch.setattr(export, "in_own_process", None)
    np.testing.assert_array_equal(_vectors(_find(prefix_uri, tmp_path / "third")), expected)
