"""Single objects by URI, against the S3 stand-in, and the store's refusals in our own words."""

import hashlib

import pytest

from image_features.errors import (
    AccessDeniedError,
    ArgumentError,
    BucketNotFoundError,
    ObjectNotFoundError,
    ObjectStoreError,
)
from image_features.storage import objects
from tests.spark_jobs.stored_datasets import exists

ODD_KEYS = ["plain.txt", "with space.txt", "é/ü.txt", "100%25.txt", "a+b#c?d.txt", "\U0001f34e.txt"]


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://lake/a/b.txt", ("lake", "a/b.txt")),
        ("s3://lake/a%20b+c#d", ("lake", "a%20b+c#d")),
        ("s3://lake", ("lake", "")),
    ],
)
def test_a_uri_is_split_and_never_decoded(uri: str, parts: tuple[str, str]) -> None:
    assert objects.split_uri(uri) == parts


@pytest.mark.parametrize("uri", ["/a/path", "https://lake/a", "s3:///a", "lake/a", ""])
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(ArgumentError, match="s3://bucket/key"):
        objects.split_uri(uri)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_of_any_name_is_written_listed_and_read(prefix_uri: str, key: str) -> None:
    uri = f"{prefix_uri}/{key}"
    objects.write_bytes(uri, key.encode())
    assert exists(uri)
    assert objects.read_bytes(uri) == key.encode()
    [listed] = objects.list_objects(prefix_uri)
    assert (listed.uri, listed.size_bytes, listed.etag) == (uri, len(key.encode()), _md5(key.encode()))
    stored = objects.read_object(uri, max_bytes=1000, connections=2)
    assert (stored.content, stored.size_bytes, stored.etag) == (key.encode(), listed.size_bytes, listed.etag)


def test_more_objects_than_a_page_are_all_listed_in_key_order(prefix_uri: str) -> None:
    for number in range(1005):
        objects.write_bytes(f"{prefix_uri}/many/{number:04d}", b"")
    uris = [listed.uri for listed in objects.list_objects(f"{prefix_uri}/many")]
    assert uris == [f"{prefix_uri}/many/{number:04d}" for number in range(1005)]


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(prefix_uri: str) -> None:
    objects.write_bytes(f"{prefix_uri}/fruits/1", b"")
    objects.write_bytes(f"{prefix_uri}/fruits-old/1", b"")
    assert [listed.uri for listed in objects.list_objects(f"{prefix_uri}/fruits")] == [f"{prefix_uri}/fruits/1"]
    objects.delete_prefix(f"{prefix_uri}/fruits")
    assert [listed.uri for listed in objects.list_objects(prefix_uri)] == [f"{prefix_uri}/fruits-old/1"]


def test_the_content_of_a_larger_object_is_not_read(prefix_uri: str) -> None:
    objects.write_bytes(f"{prefix_uri}/large", b"x" * 11)
    stored = objects.read_object(f"{prefix_uri}/large", max_bytes=10, connections=2)
    assert (stored.content, stored.size_bytes) == (b"", 11)


def test_deleting_twice_is_no_error(prefix_uri: str) -> None:
    objects.write_json(f"{prefix_uri}/x.json", {"é": 1})
    assert objects.read_json(f"{prefix_uri}/x.json") == {"é": 1}
    objects.delete(f"{prefix_uri}/x.json")
    objects.delete(f"{prefix_uri}/x.json")
    assert not exists(f"{prefix_uri}/x.json")


def test_a_number_that_json_has_not_is_refused(prefix_uri: str) -> None:
    with pytest.raises(ValueError, match="nan"):
        objects.write_json(f"{prefix_uri}/x.json", {"value": float("nan")})


def test_a_missing_object_and_a_missing_bucket_are_two_errors(prefix_uri: str) -> None:
    with pytest.raises(ObjectNotFoundError, match="none"):
        objects.read_bytes(f"{prefix_uri}/none")
    with pytest.raises(BucketNotFoundError, match="no-such-bucket-here"):
        objects.write_bytes("s3://no-such-bucket-here/x", b"")
    with pytest.raises(BucketNotFoundError):
        list(objects.list_objects("s3://no-such-bucket-here/x"))


def test_a_store_that_does_not_answer_is_told_with_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(objects, "_ATTEMPTS", 1)
    objects.s3_client.cache_clear()
    try:
        with pytest.raises(ObjectStoreError, match="AWS_ENDPOINT_URL"):
            objects.read_bytes("s3://lake/x")
    finally:
        objects.s3_client.cache_clear()


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_a_deletion_that_is_refused_within_an_answer_is_an_error(
    prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.write_bytes(f"{prefix_uri}/locked.parquet", b"rows of an older run")
    client = objects.s3_client()
    refused = {"Key": "locked.parquet", "Code": "AccessDenied", "Message": "Access Denied"}
    monkeypatch.setattr(client, "delete_objects", lambda **_: {"Errors": [refused]})
    with pytest.raises(AccessDeniedError, match="s3:DeleteObject is denied"):
        objects.delete_prefix(prefix_uri)
