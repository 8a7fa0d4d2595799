"""Single objects in S3, named by URI: read, write, list and delete; what S3 refuses becomes an ImageFeaturesError."""

import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import SSLError

from image_features.errors import (
    AccessDeniedError,
    ArgumentError,
    BucketNotFoundError,
    DamagedDocumentError,
    ObjectNotFoundError,
    ObjectStoreError,
)
from image_features.storage.quick_reads import quick_reader
from image_features.storage.s3_client import s3_client

_READ_ATTEMPTS = 5
_DELETE_ATTEMPTS = 5
# What S3 answers for single keys of one deletion when it is busy; each other code is a refusal.
_PASSING = ("InternalError", "ServiceUnavailable", "SlowDown")
# botocore does not turn the last of them into an error of its own.
_BROKEN_OFF = (ResponseStreamingError, ReadTimeoutError, IncompleteReadError, FlexibleChecksumError, SSLError)


@dataclass(frozen=True)
class StoredObject:
    """An object as it was when it was read; `content` is empty if the object is larger than the reader wanted."""

    content: bytes
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing describes it; the ETag has no quotes."""

    uri: str
    size_bytes: int
    etag: str
    modified_at: datetime


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`; the key is taken as it is, never percent-decoded.

    >>> split_uri("s3://lake/a%20b/1.jpg")
    ('lake', 'a%20b/1.jpg')
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ArgumentError("uri", uri, "s3://bucket/key")
    return bucket, key


def read_bytes(uri: str) -> bytes:
    """Return the content of an object."""
    with _object(uri, "s3:GetObject") as place:
        return _read(place, s3_client()).content


def read_object(uri: str, max_bytes: int, connections: int) -> StoredObject:
    """Return content, size and ETag by one request; the content of an object over `max_bytes` is not read."""
    bucket, key = split_uri(uri)
    if found := quick_reader(bucket).read(key, max_bytes):
        return StoredObject(*found)
    with _object(uri, "s3:GetObject") as place:
        return _read(place, s3_client(connections), max_bytes)


def read_json(uri: str) -> Any:
    """Return the JSON document in an object. Raises DamagedDocumentError."""
    content = read_bytes(uri)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedDocumentError(uri, f"it is no JSON: {error}") from error


def find_json(uri: str) -> Any:
    """Return the JSON document in an object, None if there is no such object. Raises DamagedDocumentError."""
    try:
        return read_json(uri)
    except ObjectNotFoundError:
        return None


def find_size(uri: str) -> int | None:
    """Return the size of an object in bytes, None if there is no such object."""
    try:
        with _object(uri, "s3:GetObject") as place:
            return int(s3_client().head_object(**place)["ContentLength"])
    except ObjectNotFoundError:
        return None


def write_bytes(uri: str, content: bytes, content_type: str = "application/octet-stream") -> None:
    """Write `content` as the whole object."""
    with _object(uri, "s3:PutObject") as place:
        s3_client().put_object(**place, Body=content, ContentType=content_type)


def write_json(uri: str, document: Mapping[str, Any]) -> None:
    """Write `document` as the whole object; raise ValueError for a number that JSON does not have, such as NaN."""
    write_bytes(uri, _json_bytes(document), "application/json")


def write_json_if_absent(uri: str, document: Mapping[str, Any]) -> bool:
    """Write `document` unless the object exists, by one atomic request; return whether it was written."""
    body = _json_bytes(document)
    try:
        with _object(uri, "s3:PutObject") as place:
            s3_client().put_object(**place, Body=body, ContentType="application/json", IfNoneMatch="*")
    except ObjectStoreError as error:
        if error.code in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise
    return True


def download(uri: str, path: str) -> None:
    """Write the content of an object to the local file `path`."""
    with _object(uri, "s3:GetObject") as place:
        s3_client().download_file(**place, Filename=path)


def upload(path: str, uri: str) -> None:
    """Write the local file `path` as the whole object."""
    with _object(uri, "s3:PutObject") as place:
        s3_client().upload_file(**place, Filename=path)


def delete(uri: str) -> None:
    """Delete one object; an object that does not exist is no error."""
    with _object(uri, "s3:DeleteObject") as place:
        s3_client().delete_object(**place)


def delete_prefix(prefix_uri: str) -> None:
    """Delete every object under `prefix_uri/`; raises an error if S3 refuses one of them."""
    with _object(prefix_uri, "s3:DeleteObject") as place:
        for page in _pages(prefix_uri):
            _delete(place["Bucket"], [entry["Key"] for entry in page])


def list_objects(prefix_uri: str) -> Iterator[ListedObject]:
    """List the objects under `prefix_uri/` in key order, page by page: memory does not grow with their number."""
    with _object(prefix_uri, "s3:ListBucket") as place:
        for page in _pages(prefix_uri):
            for entry in page:
                yield ListedObject(
                    uri=f"s3://{place['Bucket']}/{entry['Key']}",
                    size_bytes=entry["Size"],
                    etag=entry["ETag"].strip('"'),
                    modified_at=entry["LastModified"],
                )


def _read(place: Mapping[str, str], client: Any, max_bytes: float = math.inf) -> StoredObject:
    """Read an object; where its content breaks off, repeat the whole request, for botocore repeats only what begins."""
    attempt = 1
    while True:
        response = client.get_object(**place)
        size_bytes, etag = response["ContentLength"], response["ETag"].strip('"')
        try:
            # As a context manager of its own, a body hands out the bare stream, which verifies no checksum.
            with closing(response["Body"]) as body:
                return StoredObject(body.read() if size_bytes <= max_bytes else b"", size_bytes, etag)
        except _BROKEN_OFF:
            if attempt == _READ_ATTEMPTS:
                raise
        attempt += 1
        time.sleep(random.uniform(0, 0.1 * 2**attempt))


def _delete(bucket: str, keys: Sequence[str]) -> None:
    """Delete at most 1,000 objects; repeat those that S3 had trouble with, and raise what S3 says if it refuses one."""
    attempt = 1
    while keys:
        deletion = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        # S3 answers 200 all the same. What is left of an old dataset would be read as a part of the new one.
        errors = s3_client().delete_objects(Bucket=bucket, Delete=deletion).get("Errors", [])
        for error in errors:
            if error["Code"] not in _PASSING or attempt == _DELETE_ATTEMPTS:
                raise ClientError({"Error": error}, f"DeleteObjects on {error['Key']}")
        keys, attempt = [error["Key"] for error in errors], attempt + 1
        if keys:
            time.sleep(random.uniform(0, 0.1 * 2**attempt))


def _pages(prefix_uri: str) -> Iterator[list[dict[str, Any]]]:
    bucket, key = split_uri(prefix_uri.rstrip("/"))
    # Without the slash, `.../fruits` would also list `.../fruits-old/`.
    prefix = f"{key}/" if key else ""
    paginator = s3_client().get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket=bucket, Prefix=prefix):
        yield page.get("Contents", [])


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode()


@contextmanager
def _object(uri: str, action: str) -> Iterator[dict[str, str]]:
    """Yield the arguments by which boto3 names the object, and turn what S3 refuses into an error of ours."""
    bucket, key = split_uri(uri)
    try:
        yield {"Bucket": bucket, "Key": key}
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code == "NoSuchBucket":
            raise BucketNotFoundError(uri) from error
        if code in ("NoSuchKey", "404"):
            raise ObjectNotFoundError(uri) from error
        if code in ("AccessDenied", "403", "Forbidden"):
            raise AccessDeniedError(uri, action) from error
        raise ObjectStoreError(uri, code, str(error)) from error
    except (BotoCoreError, SSLError) as error:
        raise ObjectStoreError(uri, type(error).__name__, str(error)) from error
