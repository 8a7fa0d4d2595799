"""Runs one after another: what an earlier one computed is used, and the result is as if everything were computed."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from image_features.featurize import content_index, worker, write_features
from image_features.featurize.batches import PredictFn
from image_features.networks.arguments import NetworkChoice
from image_features.storage import compaction, objects
from image_features.storage.parquet_files import data_files, file_groups
from tests.spark_jobs import pictures
from tests.spark_jobs.runs_for_tests import Run, make_mean_colors, use_predict_fn
from tests.spark_jobs.stored_datasets import exists

WEIGHTS = "--weights=random:0"


@pytest.fixture
def mean_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    use_predict_fn(monkeypatch, make_mean_colors())


def _photos(first: int, last: int) -> dict[str, bytes]:
    return {f"Apple/{number:03d}.jpg": pictures.jpeg(number) for number in range(first, last)}


def _features(spark: SparkSession, run: Run) -> dict[str, tuple[Any, ...]]:
    return {path: tuple(row) for path, row in run.rows(spark, "features").items()}


def _from_scratch(run: Run) -> Run:
    """The same source, with a store of its own."""
    fresh = Run(run.prefix_uri, f"{run.run}-fresh")
    other = f"--feature-store-uri={run.prefix_uri}/empty-store-{run.run}"
    return fresh.both(WEIGHTS, other)


@pytest.mark.slow
def test_a_later_run_computes_only_what_is_new_changed_or_was_never_there(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(_photos(0, 10) | {"Apple/notes.txt": b"words", "Apple/cut.jpg": pictures.truncated_jpeg()})
    first.both(WEIGHTS)
    assert first.vectors() == {"computed": 10, "reused": 0, "same_bytes": 0, "rejected_before": 0}

    second = Run(prefix_uri, "second")
    second.put(_photos(10, 14) | {"Apple/000.jpg": pictures.jpeg(100), "Fig/twin.jpg": pictures.jpeg(1)})
    second.remove("Apple/008.jpg", "Apple/009.jpg")
    second.both(WEIGHTS)
    ingested = second.stats("ingest_images")
    assert (ingested["details"]["fetched"], ingested["details"]["known"]) == (5, 10)
    assert (ingested["rows_in"], ingested["rows_out"], ingested["rejects"]) == (15, 14, {"ignored_object": 1})
    assert set(second.rows(spark, "images")) == {"Apple/000.jpg", *(f"Apple/0{number}.jpg" for number in range(10, 14))}
    assert second.vectors() == {"computed": 5, "reused": 7, "same_bytes": 1, "rejected_before": 1}
    featurized = second.stats("featurize_images")
    assert (featurized["rows_in"], featurized["rows_out"], featurized["rejects"]) == (14, 13, {"decode_failed": 1})

    fresh = _from_scratch(second)
    assert fresh.vectors()["computed"] == 12
    assert _features(spark, second) == _features(spark, fresh)
    assert second.rows(spark, "rejects") == fresh.rows(spark, "rejects")


@pytest.mark.slow
def test_a_labels_file_changes_labels_and_leaves_out_without_an_inference(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(_photos(0, 6))
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
    assert _features(spark, fresh) == _features(spark, second)


@pytest.mark.slow
def test_nothing_new_computes_nothing_and_gives_the_same(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    first = Run(prefix_uri, "first")
    first.put(_photos(0, 4))
    first.both(WEIGHTS)
    second = Run(prefix_uri, "second").both(WEIGHTS)
    assert second.rows(spark, "images") == {}
    assert second.vectors() == {"computed": 0, "reused": 4, "same_bytes": 0, "rejected_before": 0}
    assert _features(spark, second) == _features(spark, first)
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
def test_another_network_reuses_no_vector_and_leaves_the_others_alone(
    spark: SparkSession, prefix_uri: str, mean_colors: None
) -> None:
    run = Run(prefix_uri)
    run.put(_photos(0, 3))
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
def test_a_store_that_was_deleted_is_filled_again(spark: SparkSession, prefix_uri: str, mean_colors: None) -> None:
    run = Run(prefix_uri)
    run.put(_photos(0, 3))
    before = _features(spark, run.both(WEIGHTS))
    objects.delete_prefix(run.store_uri)
    run.both(WEIGHTS)
    assert run.vectors()["computed"] == 3
    assert _features(spark, run) == before


@pytest.mark.slow
@pytest.mark.parametrize(("gone", "new"), [("objects", 1), ("vectors", 1), ("vectors", 0)])
def test_a_store_that_is_deleted_between_the_stages_is_an_error(
    spark: SparkSession, prefix_uri: str, mean_colors: None, capfd: pytest.CaptureFixture[str], gone: str, new: int
) -> None:
    run = Run(prefix_uri)
    run.put(_photos(0, 2))
    run.both(WEIGHTS)
    run.put(_photos(2, 2 + new))
    assert run.ingest(WEIGHTS) == 0
    objects.delete_prefix(f"{run.store_uri}/{gone}")
    assert run.featurize(WEIGHTS) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("ERROR MissingVectorsError: ")
    assert f"{gone}/" in last
    assert "of 2 of the run's images" in last
    assert "Clear ingest_images" in last


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
    run.put(_photos(0, 37) | {"Zebra/deadly.png": deadly})
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
    assert _features(spark, run) == _features(spark, _from_scratch(run))


@pytest.mark.slow
def test_a_task_keeps_what_it_has_from_time_to_time(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FLUSH_EVERY_S", 0.0)
    run = Run(prefix_uri)
    run.put(_photos(0, 6))
    assert run.ingest(WEIGHTS) == 0
    (work,) = [worker.Work(part.uri, np.arange(6, dtype=np.int32)) for part in data_files(f"{run.uri}/images")]
    options = worker.FeaturizeOptions(NetworkChoice().decoder(224), batch_size=4, threads=1)
    counts = worker.featurize_work(work, make_mean_colors()(), options, f"{prefix_uri}/vectors")
    assert counts == {"computed": 6}
    assert len(list(data_files(f"{prefix_uri}/vectors"))) == 6
    # Repeated, it writes the same objects again.
    worker.featurize_work(work, make_mean_colors()(), options, f"{prefix_uri}/vectors")
    assert len(list(data_files(f"{prefix_uri}/vectors"))) == 6


@pytest.mark.slow
def test_many_small_files_are_put_together_and_say_the_same(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 2)
    run = Run(prefix_uri)
    run.put(_photos(0, 12) | {"Apple/notes.txt": b"words"})
    before = _features(spark, run.both(WEIGHTS))
    monkeypatch.setattr(compaction, "MOST_SMALL_FILES", 3)
    run = Run(prefix_uri, "later")
    run.put(_photos(12, 13))
    run.both(WEIGHTS)
    assert len(list(data_files(f"{run.store_uri}/vectors"))) == 1
    assert len(list(data_files(f"{run.store_uri}/objects"))) == 1
    again = Run(prefix_uri, "again").both(WEIGHTS)
    assert again.vectors() == {"computed": 0, "reused": 13, "same_bytes": 0, "rejected_before": 0}
    assert before.items() <= _features(spark, again).items()


def _assorted_photos() -> dict[str, bytes]:
    others = {"loose.jpg": pictures.jpeg(50), "Apple/cut.jpg": pictures.truncated_jpeg()}
    return _photos(0, 7) | others | {"Fig/twin.jpg": pictures.jpeg(1)}


@pytest.mark.slow
def test_images_of_many_tasks_get_the_same_features(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 2)
    run, later, again = Run(prefix_uri), Run(prefix_uri, "later"), Run(prefix_uri, "again")
    run.put(_assorted_photos())
    at_first = _features(spark, run.both(WEIGHTS))
    assert len(at_first) == 9
    later.both(WEIGHTS)
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", 1)
    assert _features(spark, again.both(WEIGHTS)) == _features(spark, later) == at_first
    assert again.rows(spark, "rejects") == later.rows(spark, "rejects") == run.rows(spark, "rejects")
    facts = ("rows_in", "rows_out", "rejects")
    stats, stats_again = later.stats("featurize_images"), again.stats("featurize_images")
    assert [stats_again[name] for name in facts] == [stats[name] for name in facts] == [10, 9, {"decode_failed": 1}]
    assert again.vectors() == later.vectors() == {"computed": 0, "reused": 8, "same_bytes": 1, "rejected_before": 1}


@pytest.mark.slow
def test_a_run_of_many_images_may_fetch_some_and_know_others(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_index, "FEW_IMAGES", 2)
    Run(prefix_uri).put(_photos(0, 4))
    Run(prefix_uri).both(WEIGHTS)
    later = Run(prefix_uri, "later")
    later.put(_photos(4, 6) | {"Fig/twin.jpg": pictures.jpeg(1), "Fig/notes.txt": b"words"})
    later.both(WEIGHTS)
    assert later.vectors() == {"computed": 2, "reused": 4, "same_bytes": 1, "rejected_before": 0}
    assert _features(spark, later) == _features(spark, _from_scratch(later))


def _write_again(run: Run, folder: str) -> None:
    """Write each row of the store a second time, as where a task was repeated and another run wrote it too."""
    for part in list(data_files(f"{run.store_uri}/{folder}")):
        objects.write_bytes(part.uri.replace("/part-", "/part-again-"), objects.read_bytes(part.uri))


@pytest.mark.slow
@pytest.mark.parametrize("group_bytes", [2**20, 1], ids=["in one group", "in two groups"])
def test_what_stands_twice_in_the_store_makes_no_row_twice(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch, group_bytes: int
) -> None:
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", group_bytes)
    run, later = Run(prefix_uri), Run(prefix_uri, "later")
    run.put(_assorted_photos())
    before = _features(spark, run.both(WEIGHTS))
    _write_again(run, "vectors")
    _write_again(run, "objects")
    later.both(WEIGHTS)
    assert _features(spark, later) == before
    assert later.stats("ingest_images")["rows_in"] == 10
    assert later.vectors() == {"computed": 0, "reused": 8, "same_bytes": 1, "rejected_before": 1}
    assert later.stats("featurize_images")["rejects"] == {"decode_failed": 1}


@pytest.mark.slow
def test_files_that_another_run_adds_after_the_listing_change_nothing(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, later = Run(prefix_uri), Run(prefix_uri, "later")
    run.put(_photos(0, 2))
    before = _features(spark, run.both(WEIGHTS))

    def list_and_add(uri: str, tasks: int) -> list[list[str]]:
        groups = list(file_groups(uri, tasks))
        for part in list(data_files(uri)):
            objects.write_bytes(part.uri.replace("/part-", "/part--first-"), objects.read_bytes(part.uri))
        return groups

    monkeypatch.setattr(write_features, "file_groups", list_and_add)
    later.both(WEIGHTS)
    assert _features(spark, later) == before


@pytest.mark.slow
def test_of_two_vectors_the_first_in_the_store_is_used(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", 1)
    run = Run(prefix_uri)
    run.put(_photos(0, 1))
    before = _features(spark, run.both(WEIGHTS))
    assert run.ingest(WEIGHTS) == 0
    (part,) = data_files(f"{run.store_uri}/vectors")
    other = pq.read_table(io.BytesIO(objects.read_bytes(part.uri)))
    changed = other.set_column(
        1, other.schema.field("features"), pa.array([[9.0]], other.schema.field("features").type)
    )
    written = io.BytesIO()
    pq.write_table(changed, written)
    objects.write_bytes(part.uri.replace("/part-", "/part-z"), written.getvalue())
    assert run.featurize(WEIGHTS) == 0
    assert _features(spark, run) == before


@pytest.mark.slow
def test_a_vector_that_stands_twice_hides_no_missing_one(
    spark: SparkSession,
    prefix_uri: str,
    mean_colors: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 1)
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", 1)
    run = Run(prefix_uri)
    run.put(_photos(0, 2))
    run.both(WEIGHTS)
    assert run.ingest(WEIGHTS) == 0
    (one, other) = data_files(f"{run.store_uri}/vectors")
    objects.write_bytes(one.uri.replace("/part-", "/part-again-"), objects.read_bytes(one.uri))
    objects.delete(other.uri)
    assert run.featurize(WEIGHTS) == 1
    assert "of 1 of the run's images there is no vector" in capfd.readouterr().err.splitlines()[-1]
