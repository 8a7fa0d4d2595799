"""The stage featurize_images: every image is a vector or a reject, in one pass, and the vectors are Keras's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import featurize_images as stage
from image_features import objects
from image_features.datasets import read_dataset, write_dataset
from image_features.decoding import decode_image
from image_features.engines import ENGINES
from image_features.featurizing import FeaturizeOptions, PredictFn, featurize
from image_features.job import run_job
from image_features.outcomes import Written, write_outcomes
from image_features.schemas import FEATURES, IMAGES, REJECTS
from image_features.session import use_one_task_per_file

from . import pictures
from .networks_for_tests import assert_same_vectors, predicted_by_keras, random_network

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


def make_mean_colors() -> Callable[[], PredictFn]:
    """Instead of a network, what numpy can check: the mean of each channel. (Lambdas reach workers by value.)"""
    return lambda: lambda pixels: pixels.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)


def _write_images(spark: SparkSession, prefix_uri: str, contents: dict[str, bytes], files: int = 2) -> None:
    rows = [
        (f"id {name}", f"{prefix_uri}/{name}", "Apple", "Test", "e", bytearray(content))
        for name, content in contents.items()
    ]
    write_dataset(spark.createDataFrame(rows, IMAGES).repartition(files), f"{prefix_uri}/run/images", IMAGES)


def _rows(spark: SparkSession, prefix_uri: str, name: str, schema: Any) -> dict[str, Any]:
    rows = read_dataset(spark, f"{prefix_uri}/run/{name}", schema).collect()
    by_name = {row.uri.rpartition("/")[2]: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


def _featurize(
    spark: SparkSession, prefix_uri: str, make_predict_fn: Callable[[], PredictFn], batch_size: int = 3
) -> tuple[Written, int]:
    use_one_task_per_file(spark)
    images, done = read_dataset(spark, f"{prefix_uri}/run/images", IMAGES), spark.sparkContext.accumulator(0)
    options = FeaturizeOptions(side_px=16, resize="bilinear", batch_size=batch_size, threads=2)
    outcomes = featurize(images, make_predict_fn, options, done)
    run = f"{prefix_uri}/run"
    return write_outcomes(outcomes, f"{run}/features", FEATURES, f"{run}/rejects", stage.STAGE), done.value


def _run(prefix_uri: str, *more: str) -> int:
    run = f"{prefix_uri}/run"
    uris = [f"--{name}-uri={run}/{name}" for name in ("images", "features", "rejects")]
    own = [f"--stats-uri={run}/stats/featurize_images.json", f"--progress-uri={run}/progress/featurize_images.json"]
    arguments = [*uris, f"--models-uri={prefix_uri}/models", *own, *more]
    return run_job(stage.STAGE, stage.parse_featurize_arguments, stage.featurize_images, arguments)


def test_every_image_is_a_vector_or_a_reject_with_its_reason(spark: SparkSession, prefix_uri: str) -> None:
    _write_images(spark, prefix_uri, {name: content for name, (content, _) in HOSTILE.items()})
    written, done = _featurize(spark, prefix_uri, make_mean_colors())
    assert written == Written(rows=10, rejects={"decode_failed": 1, "too_many_pixels": 1})
    # Tasks add what they read, and those of a second pass would add it again.
    assert done == len(HOSTILE)

    features = _rows(spark, prefix_uri, "features", FEATURES)
    assert set(features) == {name for name, (_, reason) in HOSTILE.items() if reason is None}
    for name, row in features.items():
        expected = np.asarray(decode_image(HOSTILE[name][0], 16, "bilinear")).mean(axis=(0, 1))
        np.testing.assert_allclose(row.features, expected, rtol=1e-5, err_msg=name)
        assert (row.image_id, row.label, row.split, row.etag) == (f"id {name}", "Apple", "Test", "e")

    rejects = _rows(spark, prefix_uri, "rejects", REJECTS)
    assert {name: row.reason for name, row in rejects.items()} == {
        name: reason for name, (_, reason) in HOSTILE.items() if reason
    }
    assert {row.stage for row in rejects.values()} == {"featurize_images"}
    assert "truncated" in rejects["truncated"].detail


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_the_batch_size_changes_no_vector(spark: SparkSession, prefix_uri: str, batch_size: int) -> None:
    contents = {str(seed): pictures.jpeg(seed) for seed in range(9)} | {"cut": pictures.truncated_jpeg()}
    _write_images(spark, prefix_uri, contents, files=1)
    _featurize(spark, prefix_uri, make_mean_colors(), batch_size)
    for name, row in _rows(spark, prefix_uri, "features", FEATURES).items():
        expected = np.asarray(decode_image(contents[name], 16, "bilinear")).mean(axis=(0, 1))
        np.testing.assert_allclose(row.features, expected, rtol=1e-5)


def test_images_of_which_none_can_be_decoded_leave_an_empty_dataset(spark: SparkSession, prefix_uri: str) -> None:
    _write_images(spark, prefix_uri, {"a": pictures.truncated_jpeg()})
    assert _featurize(spark, prefix_uri, make_mean_colors())[0] == Written(rows=0, rejects={"decode_failed": 1})
    assert _rows(spark, prefix_uri, "features", FEATURES) == {}


def test_a_second_run_gives_the_same_to_the_last_bit(spark: SparkSession, prefix_uri: str) -> None:
    _write_images(spark, prefix_uri, {str(seed): pictures.jpeg(seed) for seed in range(5)})
    assert _run(prefix_uri, "--weights=random:3") == 0
    first = _rows(spark, prefix_uri, "features", FEATURES)
    assert _run(prefix_uri, "--weights=random:3") == 0
    assert _rows(spark, prefix_uri, "features", FEATURES) == first


@pytest.mark.parametrize("engine", ENGINES)
def test_vectors_are_kerass_own_prediction_on_the_same_pixels(
    spark: SparkSession, prefix_uri: str, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    contents = {str(seed): pictures.jpeg(seed, 100, 100) for seed in range(5)}
    _write_images(spark, prefix_uri, {**contents, "cut": pictures.truncated_jpeg()})
    assert _run(prefix_uri, "--weights=random:0", f"--engine={engine}", "--resize=bicubic", "--batch-size=2") == 0

    network = random_network("mobilenet_v2")
    rows = _rows(spark, prefix_uri, "features", FEATURES)
    pixels = np.stack([np.asarray(decode_image(contents[name], 224, "bicubic")) for name in sorted(rows)])
    actual = np.array([rows[name].features for name in sorted(rows)], dtype=np.float32)
    assert_same_vectors(actual, predicted_by_keras(network, pixels))

    stats = objects.read_json(f"{prefix_uri}/run/stats/featurize_images.json")
    assert (stats["rows_in"], stats["rows_out"], stats["rejects"]) == (6, 5, {"decode_failed": 1})
    details = stats["details"]
    assert details["weights"] == {"source": "random:0", "sha256": network.weights_sha256, "pretrained": False}
    assert details["identity"] == {
        "backbone": "mobilenet_v2",
        "precision": "float32",
        "resize": "bicubic",
        "weights_sha256": network.weights_sha256,
        "preprocessing_version": 2,
    }
    assert (details["dimension"], details["engine"]) == (1280, engine)
    assert details["images_per_second"] > 0
    assert "RANDOM WEIGHTS" in caplog.text


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        (("--backbone=vgg19",), "UnknownBackboneError", "vgg19.*mobilenet_v2"),
        (("--weights=random:x",), "ArgumentError", "--weights"),
        (("--weights=/no/such/file.h5",), "WeightsUnavailableError", "no/such/file.h5"),
        (("--engine=tensorflow", "--precision=bfloat16"), "EngineError", "--engine openvino"),
        (("--resize=nearest",), "CommandLineError", "nearest"),
        (("--batch-size=0",), "ArgumentError", "--batch-size"),
        (("--images-uri=s3://stage-tests/none/images",), "MissingDatasetError", "s3://stage-tests/none/images"),
    ],
)
def test_what_is_refused_is_told_in_one_last_line(
    spark: SparkSession,
    prefix_uri: str,
    capfd: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    error: str,
    says: str,
) -> None:
    _write_images(spark, prefix_uri, {"a": pictures.jpeg(1)}, files=1)
    assert _run(prefix_uri, *more) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR {error}: ")
    assert re.search(says, last)
    assert not objects.exists(f"{prefix_uri}/run/stats/featurize_images.json")


def test_weights_of_another_network_end_the_job_with_a_remedy(
    spark: SparkSession, prefix_uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _write_images(spark, prefix_uri, {"a": pictures.jpeg(1)}, files=1)
    path = tmp_path / "mobilenet.weights.h5"
    random_network("mobilenet_v2").model.save_weights(path)
    assert _run(prefix_uri, "--backbone=vgg16", f"--weights={path}") == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR WeightsMismatchError: {path}: these weights do not fit vgg16")
