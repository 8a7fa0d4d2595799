"""The stage featurize_images: every image is a vector or a reject, in one pass, and the vectors are Keras's."""

import hashlib
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from image_features.featurize.batches import Computed, FeaturizeOptions, compute
from image_features.images.decode import Seen, decode_image, see_image
from image_features.images.look import look_of
from image_features.networks.backbones import BACKBONES
from image_features.networks.keras_model import load_network
from image_features.rejects import Reject
from image_features.storage import objects
from run_contract.preprocessing import PREPROCESSING_VERSION
from tests.spark_jobs import onnx_files, pictures
from tests.spark_jobs.networks_for_tests import ENGINES, RANDOM_WEIGHTS, assert_same_vectors, predicted_by_keras
from tests.spark_jobs.runs_for_tests import Run, make_mean_colors, use_predict_fn
from tests.spark_jobs.stored_datasets import exists

# name: (content, reason or None for a vector)
HOSTILE: dict[str, tuple[bytes, str | None]] = {
    "jpeg": (pictures.jpeg(1), None),
    "same bytes": (pictures.jpeg(1), None),
    "cmyk": (pictures.cmyk_jpeg(), None),
    "truncated": (pictures.truncated_jpeg(), "decode_failed"),
    "16-bit": (pictures.png_16_bit(), None),
    "palette": (pictures.palette_png(), None),
    "alpha": (pictures.half_transparent_png(), None),
    "bomb": (pictures.decompression_bomb(), "too_many_pixels"),
    "grayscale": (pictures.grayscale_jpeg(), None),
    "rotated": (pictures.rotated_by_exif(6), None),
    "animated": (pictures.animated_gif(), None),
    "50 megapixels": (pictures.png_of_zeros(8660, 5774), None),
}


def _ingest(prefix_uri: str, contents: dict[str, bytes]) -> Run:
    run = Run(prefix_uri)
    run.put({f"Test/Apple/{name}": content for name, content in contents.items()})
    assert run.ingest() == 0
    return run


def _rows(spark: SparkSession, run: Run, name: str) -> dict[str, Any]:
    return {path.removeprefix("Test/Apple/"): row for path, row in run.rows(spark, name).items()}


def test_every_image_is_a_vector_or_a_reject_with_its_reason(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_predict_fn(monkeypatch, make_mean_colors())
    run = _ingest(prefix_uri, {name: content for name, (content, _) in HOSTILE.items()})
    assert run.featurize("--weights=random:0") == 0
    stats = run.stats("featurize_images")
    assert (stats["rows_in"], stats["rows_out"]) == (12, 10)
    assert stats["rejects"] == {"decode_failed": 1, "too_many_pixels": 1}
    assert run.vectors() == {"computed": 9, "reused": 0, "same_bytes": 1, "rejected_before": 0}
    progress = objects.read_json(f"{run.uri}/progress/featurize_images.json")
    assert (progress["state"], progress["done"], progress["total"]) == ("done", 11, 11)

    features = _rows(spark, run, "features")
    assert set(features) == {name for name, (_, reason) in HOSTILE.items() if reason is None}
    manifest = _rows(spark, run, "manifest")
    for name, row in features.items():
        expected = np.asarray(decode_image(HOSTILE[name][0], 224, "bilinear")).mean(axis=(0, 1))
        np.testing.assert_allclose(row.features, expected, rtol=1e-5, err_msg=name)
        assert (row.label, row.split) == ("Apple", "Test")
        assert (row.image_id, row.etag) == (manifest[name].image_id, manifest[name].etag)
    looks = _rows(spark, run, "looks")
    assert set(looks) == set(features)
    for name, look in looks.items():
        seen = see_image(HOSTILE[name][0], 224, "bilinear")
        assert isinstance(seen, Seen)
        assert (look.etag, look.label) == (features[name].etag, "Apple")
        assert (look.width_px, look.height_px) == (seen.look.width_px, seen.look.height_px)
        assert (bytes(look.thumbnail), look.sharpness) == (seen.look.thumbnail, pytest.approx(seen.look.sharpness))

    rejects = _rows(spark, run, "rejects")
    assert {name: row.reason for name, row in rejects.items()} == {
        name: reason for name, (_, reason) in HOSTILE.items() if reason
    }
    assert {row.stage for row in rejects.values()} == {"featurize_images"}
    assert "truncated" in rejects["truncated"].detail


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_the_batch_size_changes_no_vector_and_every_batch_is_full(batch_size: int) -> None:
    contents = {str(seed): pictures.jpeg(seed) for seed in range(9)} | {"cut": pictures.truncated_jpeg()}
    sizes = []

    def predict(pixels: np.ndarray) -> np.ndarray:
        sizes.append(len(pixels))
        return make_mean_colors()()(pixels)

    decode = partial(decode_image, side_px=16, resize="bilinear")
    options = FeaturizeOptions(partial(see_image, side_px=16, resize="bilinear"), batch_size, threads=2)
    outcomes = dict(compute(iter(contents.items()), predict, options))
    assert set(sizes) == {batch_size}
    assert outcomes.keys() == contents.keys()
    reject = outcomes.pop("cut")
    assert isinstance(reject, Reject) and reject.reason == "decode_failed"
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Computed)
        pixels = np.asarray(decode(contents[name]))
        np.testing.assert_allclose(outcome.vector, pixels.mean(axis=(0, 1)), rtol=1e-5)
        assert outcome.look == look_of(pixels, outcome.look.width_px, outcome.look.height_px)


@pytest.mark.slow
def test_a_run_whose_images_all_are_damaged_leaves_an_empty_dataset(spark: SparkSession, prefix_uri: str) -> None:
    run = _ingest(prefix_uri, {"a.jpg": pictures.truncated_jpeg()})
    assert run.featurize("--weights=random:0") == 0
    assert run.stats("featurize_images")["rejects"] == {"decode_failed": 1}
    assert _rows(spark, run, "features") == {}


@pytest.mark.slow
def test_a_second_computation_gives_the_same_to_the_last_bit(spark: SparkSession, prefix_uri: str) -> None:
    run = _ingest(prefix_uri, {str(seed): pictures.jpeg(seed) for seed in range(5)})
    assert run.featurize("--weights=random:3") == 0
    first = _rows(spark, run, "features")
    objects.delete_prefix(f"{run.store_uri}/vectors")
    assert run.featurize("--weights=random:3") == 0
    assert run.vectors()["computed"] == 5
    assert _rows(spark, run, "features") == first


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_vectors_are_kerass_own_prediction_on_the_same_pixels(
    spark: SparkSession, prefix_uri: str, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    contents = {str(seed): pictures.jpeg(seed, 100, 100) for seed in range(5)}
    run = _ingest(prefix_uri, {**contents, "cut": pictures.truncated_jpeg()})
    assert run.featurize("--weights=random:0", f"--engine={engine}", "--resize=bicubic", "--batch-size=2") == 0

    rows = _rows(spark, run, "features")
    pixels = np.stack([np.asarray(decode_image(contents[name], 224, "bicubic")) for name in sorted(rows)])
    actual = np.array([rows[name].features for name in sorted(rows)], dtype=np.float32)
    assert_same_vectors(actual, predicted_by_keras("mobilenet_v2", pixels))

    stats = run.stats("featurize_images")
    assert (stats["rows_in"], stats["rows_out"], stats["rejects"]) == (6, 5, {"decode_failed": 1})
    details = stats["details"]
    _, weights_sha256 = load_network(BACKBONES["mobilenet_v2"], RANDOM_WEIGHTS)
    assert details["weights"] == {"source": "random:0", "sha256": weights_sha256, "pretrained": False}
    assert details["identity"] == {
        "backbone": "mobilenet_v2",
        "precision": "float32",
        "resize": "bicubic",
        "weights_sha256": weights_sha256,
        "preprocessing_version": PREPROCESSING_VERSION,
    }
    assert (details["dimension"], stats["arguments"]["engine"]) == (1280, engine)
    assert details["images_per_second"] > 0
    assert "RANDOM WEIGHTS" in caplog.text


@pytest.mark.slow
@pytest.mark.own_process
def test_a_network_of_ones_own_makes_the_vectors_and_is_known_by_its_description(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    matrix = np.random.default_rng(3).normal(size=(3, 5)).astype(np.float32)
    model = onnx_files.mean_colors(onnx_files.constant("w", matrix))
    sha256 = hashlib.sha256(model).hexdigest()
    network = {"files": {"n.onnx": sha256}, "side_px": 16, "channels": "RGB", "mean": 127, "scale": [1, 2, 3]}
    objects.write_json(f"{prefix_uri}/nets/n.json", {**network, "output": "features", "dimension": 5})
    objects.write_bytes(f"{prefix_uri}/nets/n.onnx", model)
    asked = ("--backbone=file", f"--weights={prefix_uri}/nets/n.json")
    contents = {str(seed): pictures.jpeg(seed, 40, 30) for seed in range(5)}
    run = _ingest(prefix_uri, contents)
    assert run.featurize(*asked) == 0

    rows = _rows(spark, run, "features")
    pixels = np.stack([np.asarray(decode_image(contents[name], 16, "bilinear")) for name in rows])
    expected = ((pixels.astype(np.float64) - 127) / [1, 2, 3]).mean(axis=(1, 2)) @ matrix
    np.testing.assert_allclose([row.features for row in rows.values()], expected, rtol=1e-4, atol=1e-3)
    details = run.stats("featurize_images")["details"]
    described = hashlib.sha256(objects.read_bytes(f"{prefix_uri}/nets/n.json")).hexdigest()
    assert (details["identity"]["backbone"], details["identity"]["weights_sha256"]) == ("file", described)
    assert (details["dimension"], details["weights"]["pretrained"]) == (5, True)

    # The next run fetches nothing, for it knows the vectors by the description alone; a changed model is not taken.
    later = Run(prefix_uri, "later").both(*asked)
    assert later.stats("ingest_images")["details"]["fetched"] == 0
    assert later.vectors()["computed"] == 0
    objects.write_bytes(f"{prefix_uri}/nets/n.onnx", model.replace(b"flat", b"even"))
    objects.delete_prefix(f"{prefix_uri}/models")
    assert Run(prefix_uri, "later").featurize(*asked) == 1
    assert re.search(r"^ERROR OwnNetworkError: .*n\.onnx has the SHA-256", capfd.readouterr().err.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        (("--backbone=vgg19",), "ArgumentError", "vgg19.*mobilenet_v2"),
        (("--weights=random:x",), "ArgumentError", "--weights"),
        (("--weights=/no/such/file.h5",), "WeightsUnavailableError", "no/such/file.h5"),
        (("--engine=tensorflow", "--precision=bfloat16"), "ParamsDisagreeError", "give engine=openvino"),
        (("--resize=nearest",), "ArgumentError", "nearest"),
        (("--batch-size=0",), "ArgumentError", "--batch-size"),
        (
            ("--images-uri=s3://stage-tests/none/images", "--weights=random:0"),
            "MissingDatasetError",
            "s3://stage-tests/none/images",
        ),
    ],
)
def test_the_last_line_says_what_is_refused(
    spark: SparkSession,
    prefix_uri: str,
    capfd: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    error: str,
    says: str,
) -> None:
    run = _ingest(prefix_uri, {"a": pictures.jpeg(1)})
    assert run.featurize(*more) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR {error}: ")
    assert re.search(says, last)
    assert not exists(f"{run.uri}/stats/featurize_images.json")


@pytest.mark.slow
def test_weights_of_another_network_end_the_job_with_a_remedy(
    spark: SparkSession, prefix_uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = _ingest(prefix_uri, {"a": pictures.jpeg(1)})
    path = tmp_path / "mobilenet.weights.h5"
    load_network(BACKBONES["mobilenet_v2"], RANDOM_WEIGHTS)[0].save_weights(path)
    assert run.featurize("--backbone=vgg16", f"--weights={path}") == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR WeightsMismatchError: {path}: these weights do not fit vgg16")
