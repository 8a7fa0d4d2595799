"""The stage ingest_images on hostile sources: every listed object is an image or a reject, and is counted."""

import csv
import gzip
import hashlib
import io
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from image_features.errors import ObjectStoreError
from image_features.ingest import fetch
from image_features.storage import objects
from tests.spark_jobs import pictures
from tests.spark_jobs.runs_for_tests import Run
from tests.spark_jobs.stored_datasets import exists

# path under the source: (content, reason or None for an image)
HOSTILE: dict[str, tuple[bytes, str | None]] = {
    "Training/Apple/1.jpg": (pictures.jpeg(1), None),
    "Training/Apple/same bytes.jpg": (pictures.jpeg(1), None),
    "Training/Apple/png inside.jpg": (pictures.palette_png(), None),
    "Test/Pêche 100% + #1 \U0001f351/ä b%20c+d#e.jpg": (pictures.jpeg(2), None),
    "Test/Fig/jpeg inside.txt": (pictures.jpeg(3), None),
    "a/very/deep/nest/of/folders/Kiwi/1": (pictures.half_transparent_png(), None),
    "outside any folder.jpg": (pictures.grayscale_jpeg(), None),
    "Training/Apple/truncated.jpg": (pictures.truncated_jpeg(), None),
    "Training/Apple/text.jpg": (b"no pixels here\n" * 9, "not_an_image"),
    "Training/Apple/empty.png": (b"", "empty_object"),
    "Training/.DS_Store": (b"\0\0\0\1Bud1", "ignored_object"),
    "Training/": (b"", "ignored_object"),
    "Meta/README.txt": (b"where these pictures come from", "ignored_object"),
    "Training/Apple/.ipynb_checkpoints/1-checkpoint.jpg": (pictures.jpeg(4), "ignored_object"),
    "Training/Apple/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg": (pictures.jpeg(5), "ignored_object"),
    "$Recycle.Bin/Fig/1.jpg": (pictures.jpeg(6), "ignored_object"),
}


def _run(prefix_uri: str, *more: str) -> int:
    return Run(prefix_uri).ingest("--weights=random:0", *more)


def _put(prefix_uri: str, contents: dict[str, bytes]) -> None:
    Run(prefix_uri).put(contents)


def _rows(spark: SparkSession, prefix_uri: str, name: str) -> dict[str, Any]:
    return Run(prefix_uri).rows(spark, name)


def _stats(prefix_uri: str) -> dict[str, Any]:
    return Run(prefix_uri).stats("ingest_images")


def test_every_object_is_an_image_or_a_reject_with_its_reason(spark: SparkSession, prefix_uri: str) -> None:
    _put(prefix_uri, {path: content for path, (content, _) in HOSTILE.items()})
    assert _run(prefix_uri) == 0

    images = _rows(spark, prefix_uri, "images")
    assert {path: bytes(row.content) for path, row in images.items()} == {
        path: content for path, (content, reason) in HOSTILE.items() if reason is None
    }
    rejects = _rows(spark, prefix_uri, "rejects")
    assert {path: row.reason for path, row in rejects.items()} == {
        path: reason for path, (_, reason) in HOSTILE.items() if reason is not None
    }
    assert {row.stage for row in rejects.values()} == {"ingest_images"}

    manifest = _rows(spark, prefix_uri, "manifest")
    assert {path: row.size_bytes for path, row in manifest.items()} == {
        path: len(content) for path, (content, _) in HOSTILE.items()
    }
    for path, row in images.items():
        listed = manifest[path]
        assert row.image_id == listed.image_id == hashlib.sha256(row.uri.encode()).hexdigest()[:32]
        assert row.etag == listed.etag == hashlib.md5(bytes(row.content)).hexdigest()
        assert (row.label, row.split, row.size_bytes) == (listed.label, listed.split, listed.size_bytes)
        assert row.content_sha256 == hashlib.sha256(bytes(row.content)).hexdigest()
    peach = images["Test/Pêche 100% + #1 \U0001f351/ä b%20c+d#e.jpg"]
    assert (peach.label, peach.split) == ("Pêche 100% + #1 \U0001f351", "Test")
    assert images["outside any folder.jpg"].label is None
    labels = {row.label for row in manifest.values()}
    assert labels == {None, "Apple", "Fig", "Kiwi", "Meta", "Pêche 100% + #1 \U0001f351"}

    reasons = Counter(reason for _, reason in HOSTILE.values() if reason)
    stats = _stats(prefix_uri)
    assert (stats["rows_in"], stats["rows_out"], stats["rejects"]) == (16, 8, dict(reasons))
    assert stats["details"]["bytes"] == sum(len(content) for content, _ in HOSTILE.values())
    assert stats["details"]["sample"] is None
    assert (stats["details"]["fetched"], stats["details"]["known"]) == (11, 0)
    progress = objects.read_json(f"{prefix_uri}/runs/run/progress/ingest_images.json")
    assert (progress["state"], progress["done"], progress["total"]) == ("done", 16, 16)


def test_the_inventory_is_the_whole_listing_in_its_order(spark: SparkSession, prefix_uri: str) -> None:
    paths = ['Fig/a,b"c.jpg', "Apple/\U0001f351.jpg", "Apple/\uff5e.jpg", "Apple/Z.jpg", "Apple/a\nb.jpg", "Apple.jpg"]
    _put(prefix_uri, {path: pictures.jpeg(1) for path in paths})
    assert _run(prefix_uri, "--sample-limit=2") == 0
    packed = objects.read_bytes(f"{prefix_uri}/runs/run/inventory.csv.gz")
    header, *rows = csv.reader(io.StringIO(gzip.decompress(packed).decode(), newline=""))
    assert header == ["key", "size_bytes", "etag"]
    folder = prefix_uri.removeprefix("s3://").partition("/")[2]
    in_order = sorted((f"{folder}/source/{path}" for path in paths), key=lambda key: key.encode())
    content = pictures.jpeg(1)
    assert rows == [[key, str(len(content)), hashlib.md5(content).hexdigest()] for key in in_order]
    assert _run(prefix_uri) == 0
    # Of a listing, and of nothing else: the same one makes the same file.
    assert objects.read_bytes(f"{prefix_uri}/runs/run/inventory.csv.gz") == packed


def test_an_object_that_was_replaced_after_it_was_listed_counts_as_read(prefix_uri: str) -> None:
    _put(prefix_uri, {"Apple/1.jpg": pictures.jpeg(2)})
    row = {"image_id": "1", "uri": f"{prefix_uri}/source/Apple/1.jpg", "label": "Apple", "split": None}
    fetched = fetch.fetch(prefix_uri, {**row, "etag": "as listed", "size_bytes": 5})
    content = pictures.jpeg(2)
    read = (hashlib.md5(content).hexdigest(), len(content), hashlib.sha256(content).hexdigest())
    assert fetched.read
    assert (fetched.read["etag"], fetched.read["size_bytes"], fetched.read["content_sha256"]) == read
    (batch,) = fetch._image_batches([({**row, "etag": "as listed", "size_bytes": 5}, fetched)])
    assert batch.select(["etag", "size_bytes", "content_sha256"]).to_pylist() == [
        {"etag": read[0], "size_bytes": read[1], "content_sha256": read[2]}
    ]


@pytest.mark.slow
def test_a_second_run_replaces_the_first_and_gives_the_same(spark: SparkSession, prefix_uri: str) -> None:
    _put(prefix_uri, {f"Apple/{n}.jpg": pictures.jpeg(n) for n in range(3)})
    assert _run(prefix_uri) == 0
    first = _rows(spark, prefix_uri, "images")
    objects.write_bytes(f"{prefix_uri}/runs/run/manifest/part-99999.parquet", b"left by an older, longer run")
    assert _run(prefix_uri) == 0
    assert _rows(spark, prefix_uri, "images") == first
    assert len(_rows(spark, prefix_uri, "manifest")) == 3


@pytest.mark.slow
def test_several_packs_make_several_files_and_lose_nothing(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_features.ingest.packs._FIRST_PACK_IMAGES", 4)
    _put(prefix_uri, {f"Apple/{n:02d}.jpg": pictures.jpeg(n) for n in range(10)})
    assert _run(prefix_uri) == 0
    assert len(_rows(spark, prefix_uri, "images")) == 10
    assert _stats(prefix_uri)["details"]["files"] == 3


def test_a_sample_is_spread_over_the_labels_and_its_size_is_in_the_stats(spark: SparkSession, prefix_uri: str) -> None:
    _put(prefix_uri, {f"{label}/{n}.jpg": pictures.jpeg(n) for label in ("Apple", "Fig") for n in range(5)})
    assert _run(prefix_uri, "--sample-limit", "4") == 0
    assert Counter(row.label for row in _rows(spark, prefix_uri, "manifest").values()) == Counter(Apple=2, Fig=2)
    assert len(_rows(spark, prefix_uri, "images")) == 4
    assert _stats(prefix_uri)["details"]["sample"] == {"limit": 4, "listed": 10}


def test_an_object_that_went_after_it_was_listed_is_a_reject(prefix_uri: str) -> None:
    row = {"image_id": "1", "uri": f"{prefix_uri}/source/gone.jpg", "label": None, "split": None, "etag": "e"}
    fetched = fetch.fetch(prefix_uri, {**row, "size_bytes": 5})
    assert fetched.reject and fetched.reject.reason == "object_vanished"
    assert fetched.read is None


def test_an_object_whose_key_is_too_long_is_a_reject(prefix_uri: str) -> None:
    row = {"image_id": "1", "uri": f"{prefix_uri}/{'folder/' * 150}1.jpg", "label": None, "split": None, "etag": "e"}
    fetched = fetch.fetch(prefix_uri, {**row, "size_bytes": 5})
    assert fetched.reject and fetched.reject.reason == "object_refused"
    assert "KeyTooLongError" in str(fetched.reject.detail)


class RefusingStore:
    """Stands where the client of S3 is."""

    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": self.code, "Message": "as S3 says it"}}, "GetObject")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidObjectState", "object_archived"),
        ("AccessDenied", "object_refused"),
        ("KMS.DisabledException", "object_refused"),
        ("InvalidRequest", "object_refused"),
    ],
)
def test_what_the_store_refuses_for_the_objects_own_sake_is_a_reject(
    monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    monkeypatch.setattr(objects, "s3_client", lambda *_: RefusingStore(code))
    fetched = fetch.fetch("s3://photos", {"uri": "s3://photos/Apple/1.jpg", "size_bytes": 5})
    assert fetched.reject and fetched.reject.reason == reason
    assert fetched.read is None


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SlowDown", "InternalError"])
def test_a_refusal_that_is_not_for_one_objects_sake_ends_the_stage(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(objects, "s3_client", lambda *_: RefusingStore(code))
    with pytest.raises(ObjectStoreError, match=code):
        fetch.fetch("s3://photos", {"uri": "s3://photos/Apple/1.jpg", "size_bytes": 5})


def test_labels_that_look_alike_are_named(
    spark: SparkSession, prefix_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    _put(prefix_uri, {f"{label}/1.jpg": pictures.jpeg(1) for label in ("P\u00eache", "Pe\u0302che", "Fig")})
    assert _run(prefix_uri) == 0
    details = _stats(prefix_uri)["details"]
    assert (details["labels"], details["labels_that_look_alike"]) == (3, [["Pe\u0302che", "P\u00eache"]])
    assert "P\\xeache" in caplog.text


def test_an_object_over_the_limit_is_set_aside_unfetched(prefix_uri: str) -> None:
    row = {"image_id": "1", "uri": f"{prefix_uri}/never-there.jpg", "label": None, "split": None, "etag": "e"}
    fetched = fetch.fetch(prefix_uri, {**row, "size_bytes": fetch.MAX_OBJECT_BYTES + 1})
    assert fetched.reject and fetched.reject.reason == "object_too_large"
    assert fetched.read is None


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ((), "EmptySourceError", "not one object"),
        (("--source-uri=s3://no-such-bucket-here/fruits",), "BucketNotFoundError", "no-such-bucket-here"),
        (("--source-uri=/a/folder",), "ArgumentError", "/a/folder"),
        (("--sample-limit=0",), "ArgumentError", "--sample-limit"),
        (("--sample-limit=few",), "CommandLineError", "--sample-limit"),
        (("--unknown=1",), "CommandLineError", "--unknown"),
        (("--stats-uri=s3://no-such-bucket-here/x.json",), "BucketNotFoundError", "no-such-bucket-here"),
    ],
)
def test_the_last_line_says_what_is_refused(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str], more: tuple[str], error: str, says: str
) -> None:
    assert _run(prefix_uri, *more) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"ERROR {error}: ")
    assert says in last


def test_a_source_without_one_image_fails_and_leaves_no_stats(
    spark: SparkSession, prefix_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _put(prefix_uri, {"Apple/1.jpg": pictures.jpeg(1)})
    assert _run(prefix_uri) == 0
    objects.delete(f"{prefix_uri}/source/Apple/1.jpg")
    _put(prefix_uri, {"Meta/README.txt": b"only words"})
    assert _run(prefix_uri) == 1
    assert capfd.readouterr().err.splitlines()[-1].startswith("ERROR NoImagesError: ")
    assert not exists(f"{prefix_uri}/runs/run/stats/ingest_images.json")
    assert objects.read_json(f"{prefix_uri}/runs/run/progress/ingest_images.json")["state"] == "failed"


def test_an_empty_source_destroys_nothing_of_an_earlier_run(spark: SparkSession, prefix_uri: str) -> None:
    _put(prefix_uri, {"Apple/1.jpg": pictures.jpeg(1)})
    assert _run(prefix_uri) == 0
    objects.delete(f"{prefix_uri}/source/Apple/1.jpg")
    assert _run(prefix_uri) == 1
    assert len(_rows(spark, prefix_uri, "manifest")) == 1
