"""Single objects by URI, against the S3 stand-in, and the store's refusals in our own words."""

import hashlib
from typing import Any

import pytest

from image_features.errors import (
    AccessDeniedError,
    ArgumentError,
    BucketNotFoundError,
    ObjectNotFoundError,
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


@pytest.mark.slow
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


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


class BusyStore:
    """A client whose deletions answer an error for the first key, so many times."""

    def __init__(self, client: Any, code: str, times: int) -> None:
        self._client, self._code, self._times = client, code, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        first, *others = Delete["Objects"]
        if not self._times:
            others, first = [first, *others], None
        if others:
            self._client.delete_objects(Bucket=Bucket, Delete={"Objects": others})
        self._times -= bool(self._times)
        return {"Errors": [{**first, "Code": self._code, "Message": "not now"}]} if first else {}


def test_a_deletion_that_is_refused_within_an_answer_is_an_error(
    prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.write_bytes(f"{prefix_uri}/locked.parquet", b"rows of an older run")
    store = BusyStore(objects.s3_client(), "AccessDenied", times=1)
    monkeypatch.setattr(objects, "s3_client", lambda: store)
    with pytest.raises(AccessDeniedError, match="s3:DeleteObject is denied"):
        objects.delete_prefix(prefix_uri)


def test_a_key_that_s3_was_too_busy_to_delete_is_deleted_by_a_repeat(
    prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        objects.write_bytes(f"{prefix_uri}/part-{number}.parquet", b"rows of an older run")
    store = BusyStore(objects.s3_client(), "InternalError", times=2)
    monkeypatch.setattr(objects, "s3_client", lambda: store)

    objects.delete_prefix(prefix_uri)

    assert list(objects.list_objects(prefix_uri)) == []
