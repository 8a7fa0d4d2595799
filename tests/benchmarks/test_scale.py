"""Drawn photographs are listed as the store knows them, and the table says what was measured of each stage."""

import os
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.drawn import LABELS, SIZE_BYTES, Batch, etag
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import describe
from local_aws.s3.files.walk import walk
from tools.local.home import BUCKET, LocalHome


def test_a_batch_has_all_labels_in_both_splits_in_the_order_of_keys() -> None:
    batch = Batch(3000, 4000)
    paths = [batch.path(number) for number in batch.numbers()]
    folders = {tuple(path.split("/")[:2]) for path in paths}
    assert paths == sorted(paths)
    assert len(set(paths)) == 4000
    assert sum(path.startswith("Test/") for path in paths) == 1000
    assert {split for split, _ in folders} == {"Test", "Training"}
    assert len(folders) == 2 * LABELS
    assert [part for parts in batch.parts(1500) for part in parts] == list(batch.numbers())


def test_the_endpoint_lists_placed_objects_with_their_etags(tmp_path: Path) -> None:
    home, batch = LocalHome(tmp_path), Batch(0, 1600)
    scale.place_objects(home, "landing/drawn", batch)
    store = ObjectStore(home.s3_path)
    keys = list(walk(store, BUCKET, "landing/drawn/", "", fold=False))
    versions = [(key, store.version(BUCKET, key)) for key in keys]
    listed = describe(store, BUCKET, [(key, version) for key, version in versions if version])
    store.close()
    expected = [(f"landing/drawn/{batch.path(number)}", SIZE_BYTES, etag(number)) for number in batch.numbers()]
    assert [(key, version.size, facts.etag) for key, version, facts in listed] == expected
    # No content takes room on the disk.
    assert sum(path.stat().st_blocks for path in home.bucket_path.rglob("*.jpg")) == 0


def test_what_a_step_wrote_is_what_is_newer_and_no_photograph(tmp_path: Path) -> None:
    home = LocalHome(tmp_path)
    for path, size, changed_at in (("runs/r/old", 5, 90), ("runs/r/new", 7, 110), ("landing/new.jpg", 11, 110)):
        (home.bucket_path / path).parent.mkdir(parents=True, exist_ok=True)
        (home.bucket_path / path).write_bytes(b"." * size)
        os.utime(home.bucket_path / path, (changed_at, changed_at))
    assert scale.written_since(home, 100) == 7


def test_nothing_but_what_was_made_is_removed(tmp_path: Path) -> None:
    home = LocalHome(tmp_path)
    for path in ("models/kept.h5", "runs/scale-9/features/part", "runs/scale-9-new/part", "runs/scale-99/part"):
        (home.bucket_path / path).parent.mkdir(parents=True, exist_ok=True)
        (home.bucket_path / path).touch()
    scale.forget(home, "scale-9")
    left = {path.relative_to(home.bucket_path).as_posix() for path in home.bucket_path.rglob("*") if path.is_file()}
    assert left == {"models/kept.h5", "runs/scale-99/part"}


@pytest.mark.parametrize("seconds", [(9.0, 12.5), (12.5, 9.0)])
def test_the_table_has_the_highest_figures_by_rows_and_stage(seconds: tuple[float, float]) -> None:
    figures = dict.fromkeys(("cpu_s", "jvm_peak_mib", "worker_peak_mib", "read_mib", "written_mib"), 3.0)
    runs = [{"variant": "reduce_features", "seconds": one, "driver_peak_mib": 10 * one, **figures} for one in seconds]
    few, many = scale.rows([{"rows": 300_000, "runs": runs}, {"rows": 20_000, "runs": runs[:1]}])
    assert few[:3] == ["20,000", "reduce_features", f"{seconds[0]:.1f}"]
    assert many == ["300,000", "reduce_features", "12.5", "3", "125", "3", "3", "3", "3"]
    assert len(many) == len(scale.HEADER)
