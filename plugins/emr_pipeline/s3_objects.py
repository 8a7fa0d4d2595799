"""The few things that tasks ask of S3, through a client that a hook made."""

import json
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.layout import split_uri

NOT_FOUND = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def has_bucket(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return False
        raise
    return True


def has_object(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return False
        raise
    return True


def has_objects_under(s3: Any, uri: str) -> bool:
    """Whether at least one object lies below a folder; the empty marker of the folder itself does not count."""
    bucket, prefix = split_uri(uri)
    folder = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=2).get("Contents", [])
    return any(entry["Key"] != folder for entry in listed)


def names_under(s3: Any, uri: str) -> list[str]:
    """Keys below a folder, relative to it."""
    bucket, prefix = split_uri(f"{uri}/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for page in pages for entry in page.get("Contents", [])]


def read_json_with_etag(s3: Any, uri: str) -> tuple[Any, str] | None:
    """A JSON object and its ETag, or null if there is none."""
    bucket, key = split_uri(uri)
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return None
        raise
    return json.loads(response["Body"].read()), response["ETag"]


def read_json(s3: Any, uri: str) -> Any:
    """A JSON object, or null if there is none."""
    found = read_json_with_etag(s3, uri)
    return found[0] if found else None
