"""Where objects lie on disk, and the names that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws.s3.files.paths import ObjectPathError, is_hidden, object_path

ROOT = Path("buckets")


def test_an_object_lies_at_its_key_below_its_bucket() -> None:
    assert (
        object_path(ROOT, "s3://fruits/landing/Äpfel/a b+c%20#1.jpg")
        == ROOT / "fruits" / "landing/Äpfel/a b+c%20#1.jpg"
    )


@pytest.mark.parametrize("uri", ["s3://fruits", "s3://fruits/"])
def test_a_bucket_lies_at_its_folder(uri: str) -> None:
    assert object_path(ROOT, uri) == ROOT / "fruits"


def test_a_prefix_may_end_with_a_slash() -> None:
    assert object_path(ROOT, "s3://fruits/logs/") == ROOT / "fruits" / "logs"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://fruits/../other/a",
        "s3://fruits/a/../../b",
        "s3://fruits/./a",
        "s3://fruits//etc/passwd",
        "s3://fruits/a//b",
        "s3://fruits/a\0b",
        "s3://../a",
        "s3://.local_aws/objects.sqlite",
        "s3:///a",
        "file:///etc/passwd",
        "/etc/passwd",
        "s3://fruits/" + "x" * 256,
        "s3://fruits/" + "x/" * 600,
    ],
)
def test_what_no_file_below_the_root_can_stand_for_is_refused(uri: str) -> None:
    with pytest.raises(ObjectPathError):
        object_path(ROOT, uri)


@pytest.mark.parametrize("key", ["a/.part-0.parquet.crc", "a/_temporary/0/part-0", "a/.spark-staging-1/x"])
def test_scratch_of_hadoop_writers_is_hidden(key: str) -> None:
    assert is_hidden(key)


@pytest.mark.parametrize("key", ["a/.DS_Store", "a/_SUCCESS", "a/checks.crc", "a/_temporary", "a/.hidden/b"])
def test_what_a_user_may_have_stored_is_not_hidden(key: str) -> None:
    assert not is_hidden(key)
