"""A network of one's own computes what its file says, and a broken or hostile file is refused on the driver."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from image_features.errors import ParamsDisagreeError
from image_features.networks.arguments import NetworkArguments
from image_features.networks.engines.engine import engine_module
from image_features.networks.export import export_network
from image_features.networks.identity import identity_of, known_weights_sha256
from image_features.networks.weights import OwnNetworkError, find_asked
from tests.spark_jobs import onnx_files

W = np.random.default_rng(3).normal(size=(3, 5)).astype(np.float32)
PIXELS = np.random.default_rng(4).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
MEAN, SCALE = [10.0, 20.0, 30.0], [2.0, 4.0, 8.0]


def describe(folder: Path, files: dict[str, bytes], **changed: Any) -> Path:
    """Write a model and its description, and return the latter's path."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    described = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "side_px": 16,
        "channels": "RGB",
        "mean": MEAN,
        "scale": SCALE,
        "output": "features",
        "dimension": 5,
        **changed,
    }
    path = folder / "net.json"
    path.write_text(json.dumps(described))
    return path


def asked_for(path: Path, **changed: str) -> NetworkArguments:
    uris = {"stats_uri": "s3://b/s", "progress_uri": "s3://b/p", "models_uri": "s3://b/models"}
    return NetworkArguments(**{"backbone": "file", "weights": str(path)} | uris | changed)


def vectors(path: Path, tmp_path: Path) -> np.ndarray:
    asked, folder = asked_for(path), tmp_path / "exported"
    folder.mkdir(exist_ok=True)
    network = export_network(asked, find_asked(asked, folder), folder)
    return engine_module(asked).load(network.files[0], asked, 1)(PIXELS)


def expected(pixels: np.ndarray) -> np.ndarray:
    return ((pixels.astype(np.float64) - MEAN) / SCALE).mean(axis=(1, 2)) @ W


def test_an_onnx_model_gets_its_pixels_as_the_description_says(tmp_path: Path) -> None:
    path = describe(tmp_path, {"net.onnx": onnx_files.mean_colors(onnx_files.constant("w", W))})

    np.testing.assert_allclose(vectors(path, tmp_path), expected(PIXELS), rtol=1e-4, atol=1e-4)


def test_channels_may_be_turned_round_and_come_last_and_the_batch_be_fixed(tmp_path: Path) -> None:
    nodes = [
        onnx_files.node("ReduceSum", ["picture", "axes"], "sum"),
        onnx_files.node("Reshape", ["sum", "to"], "flat"),
        onnx_files.node("MatMul", ["flat", "w"], "features"),
    ]
    constants = [
        onnx_files.constant("w", W / 256),
        onnx_files.constant("axes", np.array([1, 2])),
        onnx_files.constant("to", np.array([-1, 3])),
    ]
    content = onnx_files.model(nodes, constants, shape=(1, 16, 16, 3))
    path = describe(tmp_path, {"net.onnx": content}, channels="BGR")

    np.testing.assert_allclose(vectors(path, tmp_path), expected(PIXELS[..., ::-1]), rtol=1e-4, atol=1e-4)


def test_a_model_of_openvino_is_two_files(tmp_path: Path) -> None:
    (tmp_path / "source.onnx").write_bytes(onnx_files.mean_colors(onnx_files.constant("w", W)))
    model = openvino.Core().read_model(tmp_path / "source.onnx")
    openvino.save_model(model, str(tmp_path / "net.xml"), compress_to_fp16=False)
    files = {name: (tmp_path / name).read_bytes() for name in ("net.xml", "net.bin")}

    np.testing.assert_allclose(vectors(describe(tmp_path, files), tmp_path), expected(PIXELS), rtol=1e-4, atol=1e-4)


def test_whatever_changes_the_vectors_changes_their_identity(tmp_path: Path) -> None:
    files = {"net.onnx": onnx_files.mean_colors(onnx_files.constant("w", W))}
    others = {"net.onnx": onnx_files.mean_colors(onnx_files.constant("w", 2 * W))}
    found = set()
    for model, changed in ((files, {}), (others, {}), (files, {"scale": 1})):
        path = describe(tmp_path, model, **changed)
        sha256 = known_weights_sha256(asked_for(path))
        assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        found.add(json.dumps(identity_of(asked_for(path), sha256)))
    assert len(found) == 3


NAN_W = np.where(np.eye(3, 5) > 0, np.nan, W).astype(np.float32)
GOOD_W = onnx_files.constant("w", W)
BAD: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "no ONNX": (b"<!DOCTYPE html>", {}, r"net\.onnx is no ONNX model: it begins with b'<!DOCTYPE"),
    "empty": (b"", {}, "is no ONNX model"),
    "cut off": (onnx_files.mean_colors(GOOD_W)[:-40], {}, "no model that OpenVINO reads"),
    "noise": (b"\x08" + bytes(range(256)), {}, "no model that OpenVINO reads"),
    "unknown operation": (
        onnx_files.model([onnx_files.node("RunProgram", ["picture"], "features")]),
        {},
        "no model that OpenVINO reads",
    ),
    "open sides": (onnx_files.mean_colors(GOOD_W, shape=("n", 3, "h", "w")), {}, "only the size of a batch may be"),
    "another side": (onnx_files.mean_colors(GOOD_W), {"side_px": 32}, r"must have \[\?,3,32,32\]"),
    "numbers of another kind": (
        onnx_files.model([onnx_files.node("Neg", ["picture"], "features")], kind=onnx_files.INT64),
        {},
        "of the type i64",
    ),
    "two inputs": (
        onnx_files.model([onnx_files.node("Add", ["picture", "more1"], "features")], inputs=2),
        {},
        "has 2 inputs",
    ),
    "another output": (onnx_files.mean_colors(GOOD_W), {"output": "logits"}, "no output 'logits', but 'features'"),
    "another dimension": (onnx_files.mean_colors(GOOD_W), {"dimension": 7}, r"shape \[2, 5\], and must have \[2, 7\]"),
    "a map and no vector": (
        onnx_files.model([onnx_files.node("Neg", ["picture"], "features")]),
        {},
        r"shape \[2, 3, 16, 16\]",
    ),
    "NaN": (onnx_files.mean_colors(onnx_files.constant("w", NAN_W)), {}, "hold NaN or Inf"),
    "numbers too large": (onnx_files.mean_colors(onnx_files.constant("w", 1e30 * W)), {}, r"as large as \de\+3"),
    "zeros": (onnx_files.mean_colors(onnx_files.constant("w", 0 * W)), {}, "the same vector"),
    "a vector of the batch": (
        onnx_files.model(
            [
                onnx_files.node("GlobalAveragePool", ["picture"], "pooled"),
                onnx_files.node("Flatten", ["pooled"], "flat"),
                onnx_files.node("MatMul", ["flat", "w"], "each"),
                onnx_files.node("ReduceSum", ["each", "axes"], "all"),
                onnx_files.node("Add", ["each", "all"], "features"),
            ],
            [GOOD_W, onnx_files.constant("axes", np.array([0]))],
        ),
        {},
        "depends on the other pictures",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_cannot_be_used_is_refused_with_what_is_wrong(name: str, tmp_path: Path) -> None:
    content, changed, says = BAD[name]
    path = describe(tmp_path, {"net.onnx": content}, **changed)
    with pytest.raises(OwnNetworkError, match=says) as refusal:
        vectors(path, tmp_path)
    assert str(path) in str(refusal.value) and "docs/networks.md" in str(refusal.value)


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_model_never_reads_a_file_outside_its_folder(is_absolute: bool, tmp_path: Path) -> None:
    # The model is copied to exported/own_model/.
    outside = tmp_path / "exported" / "outside.data"
    location = str(outside) if is_absolute else "../outside.data"
    content = onnx_files.mean_colors(onnx_files.external_constant("w", (3, 5), location))
    path = describe(tmp_path, {"net.onnx": content})
    outside.parent.mkdir()
    outside.write_bytes(W.tobytes())
    with pytest.raises(OwnNetworkError, match="outside the base directory"):
        vectors(path, tmp_path)


def test_a_name_in_a_model_writes_no_line_of_its_own(tmp_path: Path) -> None:
    named = onnx_files.mean_colors(GOOD_W).replace(b"features", b"feat\nres")
    path = describe(tmp_path, {"net.onnx": named})
    with pytest.raises(OwnNetworkError, match=r"no output 'features', but 'feat\\nres'"):
        vectors(path, tmp_path)


def test_a_model_that_is_not_the_one_described_is_refused(tmp_path: Path) -> None:
    path = describe(tmp_path, {"net.onnx": onnx_files.mean_colors(GOOD_W)})
    (tmp_path / "net.onnx").write_bytes(onnx_files.mean_colors(onnx_files.constant("w", 2 * W)))
    with pytest.raises(OwnNetworkError, match=r"net\.onnx has the SHA-256 .*, and its description names"):
        vectors(path, tmp_path)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = describe(tmp_path, {"net.onnx": onnx_files.mean_colors(GOOD_W)})
    (tmp_path / "net.onnx").unlink()
    with pytest.raises(OwnNetworkError, match=r"names net\.onnx, which is not next to it"):
        vectors(path, tmp_path)


def test_a_job_by_hand_refuses_another_engine_before_it_looks_for_anything() -> None:
    with pytest.raises(ParamsDisagreeError, match="give engine=openvino"):
        asked_for(Path("net.json"), engine="tensorflow")
