"""Requests to S3 for single objects, through a client that a hook made."""

import json
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.run.layout import split_uri

NOT_FOUND = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
# What S3 answers when another writer was first: between our read and our write, or at the very same moment.
OVERTAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


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
    return etag_of(s3, bucket, key) is not None


def etag_of(s3: Any, bucket: str, key: str) -> str | None:
    """Return an object's ETag without its quotes; null if there is no such object."""
    try:
        return str(s3.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return None
        raise


def has_objects_under(s3: Any, uri: str) -> bool:
    """Return whether an object lies below a folder; the empty marker of the folder itself does not count."""
    bucket, prefix = split_uri(uri)
    folder = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=2).get("Contents", [])
    return any(entry["Key"] != folder for entry in listed)


def names_under(s3: Any, uri: str) -> list[str]:
    """Return the keys below a folder, relative to it."""
    bucket, prefix = split_uri(f"{uri}/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for page in pages for entry in page.get("Contents", [])]


def find_object(s3: Any, uri: str) -> Any:
    """Return S3's answer with the object's body and headers, or null if there is no such object."""
    bucket, key = split_uri(uri)
    try:
        return s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return None
        raise


def read_json_with_etag(s3: Any, uri: str) -> tuple[Any, str] | None:
    """Return a JSON object and its ETag, or null if there is none."""
    found = find_object(s3, uri)
    return (json.loads(found["Body"].read()), found["ETag"]) if found else None


def read_json(s3: Any, uri: str) -> Any:
    """Return a JSON object, or null if there is none."""
    found = read_json_with_etag(s3, uri)
    return found[0] if found else None


def put_json_if(s3: Any, uri: str, content: Any, etag: str | None) -> bool:
    """Write an object unless somebody has written since it was read with this ETag; return whether it was written.

    An ETag of null means that there was no object.
    """
    bucket, key = split_uri(uri)
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(content, indent=2).encode()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        # A match with an object that somebody has deleted: that is overtaken, too. A bucket that is gone is not.
        if error_code(error) in OVERTAKEN or (etag and error_code(error) in ("NoSuchKey", "404")):
            return False
        raise
    return True


def delete_keys(s3: Any, bucket: str, keys: list[str]) -> None:
    """Delete up to 1,000 objects; raise a RuntimeError that names the first that S3 refused."""
    request = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
    refused = s3.delete_objects(Bucket=bucket, Delete=request).get("Errors", [])
    if refused:
        first = refused[0]
        raise RuntimeError(
            f"{len(refused)} of {len(keys)} objects could not be deleted, first s3://{bucket}/{first['Key']}: "
            f"{first.get('Code')} {first.get('Message')}; does the role have s3:DeleteObject there?"
        )
