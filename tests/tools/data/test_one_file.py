"""A file or a network of this machine lies in the bucket under its content before a run begins."""

import hashlib
import json
from pathlib import Path

import pytest

from tools.data.one_file import bring_labels
from tools.data.weights_file import bring_weights
from tools.errors import BringError, LabelsFileError, WeightsFileError
from tools.local.home import LocalHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHome:
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return LocalHome.from_environment()


def test_a_file_has_the_uri_of_its_content_and_another_content_another(home: LocalHome, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("path,label\n")
    first = bring_labels(str(path), home)
    assert bring_labels(str(path), home) == first
    path.write_text("path,label\na/1.jpg,Fig\n")
    second = bring_labels(str(path), home)
    assert first is not None
    assert second is not None
    assert first != second
    brought = home.bucket_path / second.removeprefix("s3://fruit-features/")
    assert (brought.name, brought.read_text()) == ("labels.csv", "path,label\na/1.jpg,Fig\n")


def test_a_uri_and_no_file_stay_what_they_are_and_a_missing_file_is_named(home: LocalHome) -> None:
    assert bring_labels(None, home) is None
    assert bring_labels("s3://b/labels.csv", home) == "s3://b/labels.csv"
    with pytest.raises(LabelsFileError, match=r"LABELS=no-such\.csv: no such file; give a CSV or Parquet file"):
        bring_labels("no-such.csv", home)


@pytest.mark.parametrize("failing", ["shutil.copyfile", "hashlib.file_digest"])
def test_a_file_for_which_there_is_no_room_or_right_is_named_and_leaves_no_draft(
    home: LocalHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(source: object, target: object) -> None:
        if isinstance(target, Path):
            target.write_bytes(b"half of it")
        raise OSError(28, "No space left on device", str(target))

    (tmp_path / "w.h5").write_bytes(b"weights")
    monkeypatch.setattr(failing, full)
    with pytest.raises(BringError, match=r"w\.h5: cannot be brought into the bucket: No space left on device"):
        bring_weights(str(tmp_path / "w.h5"), home)
    assert [path for path in home.root.rglob("*") if path.is_file()] == []


def described(folder: Path, model: bytes) -> Path:
    sha256 = hashlib.sha256(model).hexdigest()
    rest = {"side_px": 64, "channels": "BGR", "mean": 0, "scale": [1, 2, 3], "output": "o", "dimension": 5}
    (folder / "net.json").write_text(json.dumps({"files": {"net.onnx": sha256}, **rest}))
    (folder / "net.onnx").write_bytes(model)
    return folder / "net.json"


def test_a_network_is_brought_with_its_model_next_to_it(home: LocalHome, tmp_path: Path) -> None:
    path = described(tmp_path, b"\x08 a model")
    uri = bring_weights(str(path), home)
    assert uri == f"s3://fruit-features/models/{hashlib.sha256(path.read_bytes()).hexdigest()}/net.json"
    brought = home.bucket_path / uri.removeprefix("s3://fruit-features/")
    assert (brought.read_bytes(), brought.with_name("net.onnx").read_bytes()) == (path.read_bytes(), b"\x08 a model")


def test_a_network_that_is_not_the_one_described_is_not_brought(home: LocalHome, tmp_path: Path) -> None:
    path = described(tmp_path, b"\x08 a model")
    (tmp_path / "net.onnx").write_bytes(b"\x08 another")
    with pytest.raises(WeightsFileError, match=r"WEIGHTS=.*net\.json: net\.onnx has the SHA-256"):
        bring_weights(str(path), home)
    (tmp_path / "net.onnx").unlink()
    with pytest.raises(WeightsFileError, match=r"names net\.onnx, which is not next to it"):
        bring_weights(str(path), home)
    assert not (home.bucket_path / "models").exists()
