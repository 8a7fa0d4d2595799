"""The feature store as a run finds it: deleted, in many small files, or with rows that stand there twice."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from image_features.featurize import worker, write_features
from image_features.networks.arguments import NetworkChoice
from image_features.storage import compaction, objects
from image_features.storage.parquet_files import data_files, file_groups
from tests.spark_jobs import pictures
from tests.spark_jobs.runs_for_tests import Run, make_mean_colors, use_predict_fn

WEIGHTS = "--weights=random:0"


@pytest.fixture
def mean_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    use_predict_fn(monkeypatch, make_mean_colors())


@pytest.mark.slow
def test_a_store_that_was_deleted_is_filled_again(spark: SparkSession, prefix_uri: str, mean_colors: None) -> None:
    run = Run(prefix_uri)
    run.put(pictures.apples(0, 3))
    before = run.both(WEIGHTS).features(spark)
    objects.delete_prefix(run.store_uri)
    run.both(WEIGHTS)
    assert run.vectors()["computed"] == 3
    assert run.features(spark) == before


@pytest.mark.slow
@pytest.mark.parametrize(("gone", "new"), [("objects", 1), ("vectors", 1), ("vectors", 0)])
def test_a_store_that_is_deleted_between_the_stages_is_an_error(
    spark: SparkSession, prefix_uri: str, mean_colors: None, capfd: pytest.CaptureFixture[str], gone: str, new: int
) -> None:
    run = Run(prefix_uri)
    run.put(pictures.apples(0, 2))
    run.both(WEIGHTS)
    run.put(pictures.apples(2, 2 + new))
    assert run.ingest(WEIGHTS) == 0
    objects.delete_prefix(f"{run.store_uri}/{gone}")
    assert run.featurize(WEIGHTS) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("ERROR MissingVectorsError: ")
    assert f"{gone}/" in last
    assert "of 2 of the run's images" in last
    assert "Clear ingest_images" in last


@pytest.mark.slow
def test_a_task_keeps_what_it_has_from_time_to_time(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FLUSH_EVERY_S", 0.0)
    run = Run(prefix_uri)
    run.put(pictures.apples(0, 6))
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
    run.put(pictures.apples(0, 12) | {"Apple/notes.txt": b"words"})
    before = run.both(WEIGHTS).features(spark)
    monkeypatch.setattr(compaction, "MOST_SMALL_FILES", 3)
    run = Run(prefix_uri, "later")
    run.put(pictures.apples(12, 13))
    run.both(WEIGHTS)
    assert len(list(data_files(f"{run.store_uri}/vectors"))) == 1
    assert len(list(data_files(f"{run.store_uri}/objects"))) == 1
    again = Run(prefix_uri, "again").both(WEIGHTS)
    assert again.vectors() == {"computed": 0, "reused": 13, "same_bytes": 0, "rejected_before": 0}
    assert before.items() <= again.features(spark).items()


def _assorted_photos() -> dict[str, bytes]:
    others = {"loose.jpg": pictures.jpeg(50), "Apple/cut.jpg": pictures.truncated_jpeg()}
    return pictures.apples(0, 7) | others | {"Fig/twin.jpg": pictures.jpeg(1)}


@pytest.mark.slow
def test_images_of_many_tasks_get_the_same_features(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 2)
    run, later, again = Run(prefix_uri), Run(prefix_uri, "later"), Run(prefix_uri, "again")
    run.put(_assorted_photos())
    at_first = run.both(WEIGHTS).features(spark)
    assert len(at_first) == 9
    later.both(WEIGHTS)
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", 1)
    assert again.both(WEIGHTS).features(spark) == later.features(spark) == at_first
    assert again.rows(spark, "rejects") == later.rows(spark, "rejects") == run.rows(spark, "rejects")
    facts = ("rows_in", "rows_out", "rejects")
    stats, stats_again = later.stats("featurize_images"), again.stats("featurize_images")
    assert [stats_again[name] for name in facts] == [stats[name] for name in facts] == [10, 9, {"decode_failed": 1}]
    assert again.vectors() == later.vectors() == {"computed": 0, "reused": 8, "same_bytes": 1, "rejected_before": 1}


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
    before = run.both(WEIGHTS).features(spark)
    _write_again(run, "vectors")
    _write_again(run, "objects")
    later.both(WEIGHTS)
    assert later.features(spark) == before
    assert later.stats("ingest_images")["rows_in"] == 10
    assert later.vectors() == {"computed": 0, "reused": 8, "same_bytes": 1, "rejected_before": 1}
    assert later.stats("featurize_images")["rejects"] == {"decode_failed": 1}


@pytest.mark.slow
def test_files_that_another_run_adds_after_the_listing_change_nothing(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, later = Run(prefix_uri), Run(prefix_uri, "later")
    run.put(pictures.apples(0, 2))
    before = run.both(WEIGHTS).features(spark)

    def list_and_add(uri: str, tasks: int) -> list[list[str]]:
        groups = list(file_groups(uri, tasks))
        for part in list(data_files(uri)):
            objects.write_bytes(part.uri.replace("/part-", "/part--first-"), objects.read_bytes(part.uri))
        return groups

    monkeypatch.setattr(write_features, "file_groups", list_and_add)
    later.both(WEIGHTS)
    assert later.features(spark) == before


@pytest.mark.slow
def test_of_two_vectors_the_first_in_the_store_is_used(
    spark: SparkSession, prefix_uri: str, mean_colors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.storage.parquet_files.GROUP_BYTES", 1)
    run = Run(prefix_uri)
    run.put(pictures.apples(0, 1))
    before = run.both(WEIGHTS).features(spark)
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
    assert run.features(spark) == before


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
    run.put(pictures.apples(0, 2))
    run.both(WEIGHTS)
    assert run.ingest(WEIGHTS) == 0
    (one, other) = data_files(f"{run.store_uri}/vectors")
    objects.write_bytes(one.uri.replace("/part-", "/part-again-"), objects.read_bytes(one.uri))
    objects.delete(other.uri)
    assert run.featurize(WEIGHTS) == 1
    assert "of 1 of the run's images there is no vector" in capfd.readouterr().err.splitlines()[-1]
