"""What two snapshots differ in, read from the files that Spark writes: Parquet datasets and a Spark ML model."""

import json
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from pyarrow import fs
from pyspark.sql import SparkSession

from image_features.reduce.pca import PcaModel
from image_features.reduce.spark_model import to_pipeline_model
from tests.spark_jobs.conftest import BUCKET
from tools.diff.bucket import Bucket
from tools.diff.difference import DiffError, chosen, difference
from tools.diff.main import main
from tools.diff.text import lines

IDENTITY = {"backbone": "vgg16", "weights_sha256": "ab"}
WIDTH, ANGLE = 8, 30.0


def model(turned_deg: float, scale: float = 1.0) -> PcaModel:
    """Keep the first direction, and the second turned towards the third by this angle."""
    components, turn = np.eye(WIDTH)[:, :2], np.radians(turned_deg)
    components[:, 1] = np.cos(turn) * np.eye(WIDTH)[1] + np.sin(turn) * np.eye(WIDTH)[2]
    std = np.full(WIDTH, scale)
    std[-1] = 0.0  # a column that never varies
    return PcaModel(9, np.zeros(WIDTH), std, components, np.array([0.6, 0.3]), np.array([0.6, 0.3]))


@pytest.fixture(scope="module")
def published(spark: SparkSession, endpoint: Path) -> Path:
    """Two runs in the stand-in's bucket, and their documents; b is the current one."""
    rows = {"a": [("pear/1", "pear", "1"), ("pear/2", "pear", "2"), ("nut/3", "nut", "3"), ("loose", None, "4")]}
    rows["b"] = [("pear/1", "pear", "9"), ("apple/2", "apple", "2"), ("nut/3", "nut", "3"), ("nut/5", "nut", "5")]
    for name, turned in (("a", 0.0), ("b", ANGLE)):
        run_uri = f"s3://{BUCKET}/runs/{name}"
        to_pipeline_model(spark, model(turned)).write().save(f"{run_uri}/model")
        uris, labels, etags = zip(*rows[name], strict=True)
        columns = {"uri": [f"s3://p/{uri}" for uri in uris], "label": labels, "split": ["Test"] * 4, "etag": etags}
        table = pa.table(columns)
        folder = endpoint / BUCKET / "runs" / name / "pca_features"
        folder.mkdir(parents=True)
        parquet.write_table(table.slice(0, 2), folder / "part-0.parquet")
        parquet.write_table(table.slice(2), folder / "part-1.parquet")
        document = {
            "snapshot": name,
            "run": name,
            "previous": {"b": "a"}.get(name),
            "pca_features_uri": f"{run_uri}/pca_features",
            "model_uri": f"{run_uri}/model",
            "identity": IDENTITY,
            "params": {"pca_components": 2, "resize": "bilinear" if name == "a" else "bicubic"},
            "model": {"action": "refit", "fitted_in": run_uri},
            "counts": {"ingest_images": {"rejects": {"empty_object": 1}}, "featurize_images": {"rejects": {}}},
            "summary": {"images": 4, "linear_probe_accuracy": {"a": 0.5, "b": 0.75}[name]},
        }
        if name == "b":
            document["counts"]["featurize_images"]["rejects"] = {"decode_failed": 2}  # type: ignore[index]
        for key in (name, "latest"):
            body = json.dumps(document).encode()
            boto3.client("s3").put_object(Bucket=BUCKET, Key=f"published/{key}.json", Body=body)
    return endpoint


@pytest.fixture(params=["folder", "S3"])
def bucket(request: pytest.FixtureRequest, published: Path) -> Bucket:
    if request.param == "S3":
        return Bucket.of_s3(BUCKET)
    return Bucket(BUCKET, fs.SubTreeFileSystem(str(published / BUCKET), fs.LocalFileSystem()))


@pytest.mark.slow
def test_the_current_snapshot_is_compared_with_the_one_before_it(bucket: Bucket) -> None:
    found = difference(bucket, *chosen(bucket, None, None))

    assert (found["a"]["snapshot"], found["b"]["snapshot"]) == ("a", "b")
    images = found["images"]
    assert (images["a"], images["b"]) == (4, 4)
    assert [images[kind] for kind in ("added", "removed", "changed")] == [
        ["s3://p/nut/5"],
        ["s3://p/loose"],
        ["s3://p/pear/1"],
    ]
    assert images["relabelled"] == [{"uri": "s3://p/apple/2", "was": "s3://p/pear/2", "label": ["pear", "apple"]}]
    assert images["labels"] == {"": [1, 0], "apple": [0, 1], "nut": [1, 2], "pear": [2, 1]}
    assert found["rejects"] == {"decode_failed": [0, 2]}
    assert found["numbers"]["linear_probe_accuracy"] == [0.5, 0.75]
    assert found["params"] == {"resize": ["bilinear", "bicubic"]}
    assert found["identity"] == {"is_same": True}
    np.testing.assert_allclose(found["model"]["angles_deg"], [ANGLE, 0], atol=1e-6)
    assert "1 added, 1 removed, 1 changed, 1 relabelled" in "\n".join(lines(json.loads(json.dumps(found))))


def test_a_snapshot_does_not_differ_from_itself(bucket: Bucket) -> None:
    found = difference(bucket, *chosen(bucket, "b", "b"))

    assert "4 -> 4: the same" in "\n".join(lines(found))
    assert found["rejects"] == found["params"] == found["images"]["labels"] == {}
    np.testing.assert_allclose(found["model"]["angles_deg"], [0, 0], atol=1e-6)


def test_models_of_another_scaling_are_compared_by_what_they_keep(
    bucket: Bucket, spark: SparkSession, prefix_uri: str
) -> None:
    # The second direction is turned by 45 degrees in its own scaling, which stretches the third column.
    turned = model(45.0)
    turned.std[2] = 1 / np.sqrt(3)
    to_pipeline_model(spark, turned).write().save(f"{prefix_uri}/model")
    before, after = chosen(bucket, "a", "a")

    found = difference(bucket, before, after | {"model_uri": f"{prefix_uri}/model"})

    # tan(60 degrees) is the square root of 3.
    np.testing.assert_allclose(found["model"]["angles_deg"], [60, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "place", "says"),
    [
        ({"removed_at": "noon", "pca_features_uri": "s3://x/gone"}, "images", "snapshot b were removed at noon"),
        ({"identity": {"backbone": "resnet50"}}, "model", "another identity"),
        ({"identity": None}, "model", "another identity"),
        ({"model_uri": f"s3://{BUCKET}/runs/gone/model"}, "model", "runs/gone/model is not there"),
    ],
)
def test_what_cannot_be_compared_says_why(bucket: Bucket, changed: dict[str, Any], place: str, says: str) -> None:
    before, after = chosen(bucket, "a", "b")

    assert says in difference(bucket, before, after | changed)[place]["unknown"]


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [("x", None, "there is no snapshot x"), (None, "x", "there is no snapshot x"), (None, "a", "has none before it")],
)
def test_a_snapshot_that_is_not_there_is_named(bucket: Bucket, a: str | None, b: str | None, says: str) -> None:
    with pytest.raises(DiffError, match=says):
        chosen(bucket, a, b)


@pytest.mark.usefixtures("published")
def test_it_is_printed_for_a_person_and_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    main([f"--bucket={BUCKET}"])
    assert "photographs" in capsys.readouterr().out
    main([f"--bucket={BUCKET}", "--json", "--a=a", "--b=b"])
    assert json.loads(capsys.readouterr().out)["images"]["added"] == ["s3://p/nut/5"]
