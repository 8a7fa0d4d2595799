"""Runs one after another: what an earlier one computed is used, and the result is as if everything were computed."""

from collections.abc import Callable

import numpy as np
import pytest
from pyspark.sql import SparkSession

import featurize_images
from image_features.featurize import content_index
from image_features.featurize.batches import FeaturizeOptions, PredictFn
from image_features.images.decode import Seen, see_image
from image_features.rejects import Reject
from image_features.storage import objects
from image_features.storage.parquet_files import data_files
from tests.spark_jobs import pictures
from tests.spark_jobs.runs_for_tests import Run, make_mean_colors, use_predict_fn
from tests.spark_jobs.stored_datasets import exists

WEIGHTS = "--weights=random:0"


@pytest.fixture
def mean_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    use_predict_fn(monkeypatch, make_mean_colors())


def short_of_memory_for(large: bytes) -> Callable[[bytes], Seen | Reject]:
    """A decoder that one content is too much for."""

    def decode(content: bytes) -> Seen | Reject:
        if content == large:
            return Reject("out_of_memory", "for this test")
        return see_image(content, side_px=224, resize="bilinear")

    return decode


@pytest.mark.slow
def test_a_later_run_computes_only_what_is_new_changed_or_was_never_there(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(pictures.apples(0, 10) | {"Apple/notes.txt": b"words", "Apple/cut.jpg": pictures.truncated_jpeg()})
    first.both(WEIGHTS)
    assert first.vectors() == {"computed": 10, "reused": 0, "same_bytes": 0, "rejected_before": 0}

    second = Run(prefix_uri, "second")
    second.put(pictures.apples(10, 14) | {"Apple/000.jpg": pictures.jpeg(100), "Fig/twin.jpg": pictures.jpeg(1)})
    second.remove("Apple/008.jpg", "Apple/009.jpg")
    second.both(WEIGHTS)
    ingested = second.stats("ingest_images")
    assert (ingested["details"]["fetched"], ingested["details"]["known"]) == (5, 10)
    assert (ingested["rows_in"], ingested["rows_out"], ingested["rejects"]) == (15, 14, {"ignored_object": 1})
    assert set(second.rows(spark, "images")) == {"Apple/000.jpg", *(f"Apple/0{number}.jpg" for number in range(10, 14))}
    assert second.vectors() == {"computed": 5, "reused": 7, "same_bytes": 1, "rejected_before": 1}
    featurized = second.stats("featurize_images")
    assert (featurized["rows_in"], featurized["rows_out"], featurized["rejects"]) == (14, 13, {"decode_failed": 1})

    fresh = second.from_scratch(WEIGHTS)
    assert fresh.vectors()["computed"] == 12
    assert second.features(spark) == fresh.features(spark)
    assert second.rows(spark, "rejects") == fresh.rows(spark, "rejects")


@pytest.mark.slow
def test_a_labels_file_changes_labels_and_leaves_out_without_an_inference(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(pictures.apples(0, 6))
    first.both(WEIGHTS)
    labels_uri = f"{prefix_uri}/labels.csv"
    rows = ["path,label,split,group,exclude", "Apple/001.jpg,Rotten,test,tree 1,", "Apple/002.jpg,,,,true"]
    objects.write_bytes(labels_uri, "\n".join(rows).encode())

    second = Run(prefix_uri, "second")
    assert second.ingest(WEIGHTS, f"--labels={labels_uri}") == second.featurize(WEIGHTS) == 0
    assert second.vectors() == {"computed": 0, "reused": 5, "same_bytes": 0, "rejected_before": 0}
    facts = {path: (row.label, row.split) for path, row in second.rows(spark, "features").items()}
    others = {f"Apple/00{number}.jpg": ("Apple", None) for number in (0, 3, 4, 5)}
    assert facts == {"Apple/001.jpg": ("Rotten", "Test"), **others}
    assert second.rows(spark, "manifest")["Apple/001.jpg"].group == "tree 1"
    rejects = {path: (row.reason, row.detail) for path, row in second.rows(spark, "rejects").items()}
    assert rejects == {"Apple/002.jpg": ("excluded", f"by {labels_uri}")}
    ingested = second.stats("ingest_images")
    assert (ingested["rows_in"], ingested["rows_out"], ingested["rejects"]) == (6, 5, {"excluded": 1})

    # Where the store is empty, the same comes out.
    fresh, other = Run(prefix_uri, "fresh"), f"--feature-store-uri={prefix_uri}/empty"
    assert fresh.ingest(WEIGHTS, other, f"--labels={labels_uri}") == fresh.featurize(WEIGHTS, other) == 0
    assert fresh.vectors()["computed"] == 5
    assert fresh.features(spark) == second.features(spark)


@pytest.mark.slow
def test_nothing_new_computes_nothing_and_gives_the_same(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(pictures.apples(0, 4))
    first.both(WEIGHTS)
    second = Run(prefix_uri, "second").both(WEIGHTS)
    assert second.rows(spark, "images") == {}
    assert second.vectors() == {"computed": 0, "reused": 4, "same_bytes": 0, "rejected_before": 0}
    assert second.features(spark) == first.features(spark)
    assert second.stats("ingest_images")["details"]["files"] == 0
    assert second.stats("featurize_images")["details"]["images_per_second"] is None


@pytest.mark.slow
def test_the_name_decides_again_what_a_known_object_is_no_image_of(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    run = Run(prefix_uri, "first")
    run.put({"a/1.jpg": pictures.jpeg(1), "a/words.txt": b"only words", "a/none.png": b""})
    run.both(WEIGHTS)
    run = Run(prefix_uri, "second")
    run.put({"a/words.jpg": b"only words", "a/too.jpg": pictures.jpeg(1), "a/.git/1.jpg": pictures.jpeg(1)})
    run.both(WEIGHTS)
    assert run.rows(spark, "images") == {}
    assert {path: (row.reason, row.detail) for path, row in run.rows(spark, "rejects").items()} == {
        "a/words.txt": ("ignored_object", "starts with b'only words'"),
        "a/words.jpg": ("not_an_image", "starts with b'only words'"),
        "a/none.png": ("empty_object", None),
        "a/.git/1.jpg": ("ignored_object", "in the folder .git"),
    }
    details = run.stats("ingest_images")["details"]
    assert (details["fetched"], details["known"]) == (0, 4)


@pytest.mark.slow
@pytest.mark.parametrize("group_bytes", [2**20, 1], ids=["in one group", "in two groups"])
def test_what_memory_was_too_small_for_is_tried_again_and_then_known(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch, mean_colors: None, group_bytes: int
) -> None:
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", group_bytes)
    run, later, last = Run(prefix_uri), Run(prefix_uri, "later"), Run(prefix_uri, "last")
    run.put(pictures.apples(0, 3))
    with monkeypatch.context() as small:
        decode = short_of_memory_for(pictures.jpeg(1))
        small.setattr(featurize_images, "FeaturizeOptions", lambda _, *rest: FeaturizeOptions(decode, *rest))
        run.both(WEIGHTS)
    assert run.stats("featurize_images")["rejects"] == {"out_of_memory": 1}

    later.both(WEIGHTS)
    assert later.vectors() == {"computed": 1, "reused": 2, "same_bytes": 0, "rejected_before": 0}
    assert later.features(spark) == later.from_scratch(WEIGHTS).features(spark)
    last.both(WEIGHTS)
    assert last.vectors() == {"computed": 0, "reused": 3, "same_bytes": 0, "rejected_before": 0}
    assert last.features(spark) == later.features(spark)


@pytest.mark.slow
def test_another_network_reuses_no_vector_and_leaves_the_others_alone(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    run = Run(prefix_uri)
    run.put(pictures.apples(0, 3))
    run.both(WEIGHTS)
    for other in (("--weights=random:1",), (WEIGHTS, "--resize=bicubic"), (WEIGHTS, "--engine=tensorflow")):
        run.both(*other)
        assert run.vectors() == {"computed": 3, "reused": 0, "same_bytes": 0, "rejected_before": 0}
    run.both(WEIGHTS)
    assert run.vectors()["reused"] == 3
    folders = {part.uri.split("/")[-2] for part in data_files(f"{run.store_uri}/vectors")}
    assert len(folders) == 4
    for folder in folders:
        said = objects.read_json(f"{run.store_uri}/vectors/v2/{folder}/identity.json")
        assert said.pop("engine") in ("openvino", "tensorflow")
        assert said["weights_sha256"]


@pytest.mark.slow
def test_a_run_of_many_images_may_fetch_some_and_know_others(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_index, "FEW_IMAGES", 2)
    Run(prefix_uri).put(pictures.apples(0, 4))
    Run(prefix_uri).both(WEIGHTS)
    later = Run(prefix_uri, "later")
    later.put(pictures.apples(4, 6) | {"Fig/twin.jpg": pictures.jpeg(1), "Fig/notes.txt": b"words"})
    later.both(WEIGHTS)
    assert later.vectors() == {"computed": 2, "reused": 4, "same_bytes": 1, "rejected_before": 0}
    assert later.features(spark) == later.from_scratch(WEIGHTS).features(spark)


def dies_at(marker: int) -> Callable[[], PredictFn]:
    """A predict function that fails on the picture whose red channel is `marker` all over."""

    def make() -> PredictFn:
        def predict(pixels: np.ndarray) -> np.ndarray:
            if (pixels[..., 0] == marker).all(axis=(1, 2)).any():
                raise RuntimeError("this worker is lost")
            return make_mean_colors()()(pixels)

        return predict

    return make


@pytest.mark.slow
def test_a_step_that_dies_is_resumed_where_it_was(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 5)
    deadly = pictures.encoded(pictures.Image.new("RGB", (8, 8), (7, 200, 90)), "PNG")
    run = Run(prefix_uri)
    # The last of the listing, so in the smallest file, and the largest are taken first.
    run.put(pictures.apples(0, 37) | {"Zebra/deadly.png": deadly})
    assert run.ingest(WEIGHTS) == 0
    use_predict_fn(monkeypatch, dies_at(7))
    assert run.featurize(WEIGHTS) == 1
    assert not exists(f"{run.uri}/stats/featurize_images.json")

    use_predict_fn(monkeypatch, make_mean_colors())
    assert run.featurize(WEIGHTS) == 0
    vectors = run.vectors()
    assert vectors["computed"] + vectors["reused"] == 38
    # The file of three that holds the deadly one, and at most the one beside it that was given up with it.
    assert 3 <= vectors["computed"] <= 8
    monkeypatch.undo()
    use_predict_fn(monkeypatch, make_mean_colors())
    assert run.features(spark) == run.from_scratch(WEIGHTS).features(spark)
