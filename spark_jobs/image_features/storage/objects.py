"""Single objects in S3, named by URI: read, write, list, delete; the store's refusals become errors of ours."""

import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from image_features.errors import (
    AccessDeniedError,
    ArgumentError,
    BucketNotFoundError,
    ObjectNotFoundError,
    ObjectStoreError,
)

_ATTEMPTS = 8


@dataclass(frozen=True)
class StoredObject:
    """An object as it was when it was read; `content` is empty if it is larger than the reader wanted."""

    content: bytes
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class ListedObject:
    uri: str
    size_bytes: int
    etag: str
    modified_at: datetime


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; the key is taken as it is, never percent-decoded."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ArgumentError("uri", uri, "s3://bucket/key")
    return bucket, key


@functools.lru_cache(maxsize=4)
def s3_client(connections: int = 10) -> Any:
    """One client per process and pool size; `connections` is how many requests may be in flight."""
    config = Config(
        retries={"mode": "standard", "max_attempts": _ATTEMPTS},
        max_pool_connections=connections,
        connect_timeout=10,
        read_timeout=60,
    )
    return boto3.client("s3", config=config)


def read_bytes(uri: str) -> bytes:
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:GetObject"):
        return s3_client().get_object(Bucket=bucket, Key=key)["Body"].read()


def read_object(uri: str, max_bytes: int, connections: int) -> StoredObject:
    """Content, size and ETag from one request; the content of an object over `max_bytes` is not read."""
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:GetObject"):
        response = s3_client(connections).get_object(Bucket=bucket, Key=key)
        with response["Body"] as body:
            content = body.read() if response["ContentLength"] <= max_bytes else b""
    return StoredObject(content, response["ContentLength"], response["ETag"].strip('"'))


def read_json(uri: str) -> Any:
    return json.loads(read_bytes(uri))


def write_bytes(uri: str, content: bytes, content_type: str = "application/octet-stream") -> None:
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:PutObject"):
        s3_client().put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)


def write_json(uri: str, document: Mapping[str, Any]) -> None:
    write_bytes(uri, _json_bytes(document), "application/json")


def write_json_if_absent(uri: str, document: Mapping[str, Any]) -> bool:
    """Writes unless the object exists, in one atomic request; says whether it wrote."""
    bucket, key = split_uri(uri)
    body = _json_bytes(document)
    try:
        with _own_errors(uri, "s3:PutObject"):
            s3_client().put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
    except ObjectStoreError as error:
        if error.code in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise
    return True


def download(uri: str, path: str) -> None:
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:GetObject"):
        s3_client().download_file(bucket, key, path)


def upload(path: str, uri: str) -> None:
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:PutObject"):
        s3_client().upload_file(path, bucket, key)


def exists(uri: str) -> bool:
    bucket, key = split_uri(uri)
    try:
        with _own_errors(uri, "s3:HeadObject"):
            s3_client().head_object(Bucket=bucket, Key=key)
    except ObjectNotFoundError:
        return False
    return True


def delete(uri: str) -> None:
    """Deletes one object; that it is gone already is no error."""
    bucket, key = split_uri(uri)
    with _own_errors(uri, "s3:DeleteObject"):
        s3_client().delete_object(Bucket=bucket, Key=key)


def delete_prefix(prefix_uri: str) -> None:
    """Deletes every object under `prefix_uri/`."""
    bucket, _ = split_uri(prefix_uri)
    with _own_errors(prefix_uri, "s3:DeleteObject"):
        for page in _pages(prefix_uri):
            keys = [{"Key": entry["Key"]} for entry in page]
            if keys:
                s3_client().delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def list_objects(prefix_uri: str) -> Iterator[ListedObject]:
    """Every object under `prefix_uri/`, in key order, page by page: memory does not grow with their number."""
    bucket, _ = split_uri(prefix_uri)
    with _own_errors(prefix_uri, "s3:ListBucket"):
        for page in _pages(prefix_uri):
            for entry in page:
                yield ListedObject(
                    uri=f"s3://{bucket}/{entry['Key']}",
                    size_bytes=entry["Size"],
                    etag=entry["ETag"].strip('"'),
                    modified_at=entry["LastModified"],
                )


def _pages(prefix_uri: str) -> Iterator[list[dict[str, Any]]]:
    bucket, key = split_uri(prefix_uri.rstrip("/"))
    # Without the slash `.../fruits` would list `.../fruits-old/` too.
    prefix = f"{key}/" if key else ""
    paginator = s3_client().get_paginator("list_objects_v2")
    for page in paginator.paginate(Bucket=bucket, Prefix=prefix):
        yield page.get("Contents", [])


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode()


@contextmanager
def _own_errors(uri: str, action: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code == "NoSuchBucket":
            raise BucketNotFoundError(uri) from error
        if code in ("NoSuchKey", "404"):
            raise ObjectNotFoundError(uri) from error
        if code in ("AccessDenied", "403", "Forbidden"):
            raise AccessDeniedError(uri, action) from error
        raise ObjectStoreError(uri, code, str(error)) from error
    except BotoCoreError as error:
        raise ObjectStoreError(uri, type(error).__name__, str(error)) from error
