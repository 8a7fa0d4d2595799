"""Requests to S3 for single objects, through a client that a hook made."""

import json
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.run.layout import object_of, split_uri

logger = logging.getLogger(__name__)

ATTEMPTS = 5
NOT_FOUND = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
# What S3 answers when another writer was first: between our read and our write, or at the very same moment.
OVERTAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
# What S3 answers for single keys of a deletion when it is busy.
BUSY = frozenset({"InternalError", "ServiceUnavailable", "SlowDown"})
# A hundred times what the longest document has. A larger object is not ours, and would fill the worker's memory.
MOST_JSON_BYTES = 32 * 1024**2


class OvertakenError(RuntimeError):
    """Others wrote the same object first, several times in a row; a later try may succeed."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri}: others were first {ATTEMPTS} times in a row; clear this task to try again")


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def unless_missing(request: Callable[..., Any], codes: Collection[str] = NOT_FOUND, **arguments: Any) -> Any:
    """Return AWS's answer, null if what is asked for is not there; the default `codes` say so in S3."""
    try:
        return request(**arguments)
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise


def has_bucket(s3: Any, bucket: str) -> bool:
    return unless_missing(s3.head_bucket, Bucket=bucket) is not None


def head(s3: Any, uri: str) -> Any:
    """Return an object's headers, null if there is no such object."""
    return unless_missing(s3.head_object, **object_of(uri))


def etag_of(s3: Any, uri: str) -> str | None:
    """Return an object's ETag without its quotes, null if there is no such object."""
    found = head(s3, uri)
    return found and str(found["ETag"]).strip('"')


def has_objects_under(s3: Any, uri: str) -> bool:
    """Return whether an object lies below a folder; the empty marker of the folder itself does not count."""
    bucket, prefix = split_uri(uri)
    folder = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=2).get("Contents", [])
    return any(entry["Key"] != folder for entry in listed)


def etags_under(s3: Any, uri: str) -> dict[str, str]:
    """Return the ETags of the objects below a folder, by their keys relative to it."""
    bucket, prefix = split_uri(f"{uri}/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    return {entry["Key"].removeprefix(prefix): entry["ETag"].strip('"') for entry in entries}


def find_json(s3: Any, uri: str) -> tuple[Any, Any]:
    """Return a JSON object and S3's answer with its headers; null for one that is no JSON; {} if there is none."""
    answer = unless_missing(s3.get_object, **object_of(uri))
    if answer is None:
        return None, {}
    text = answer["Body"].read(MOST_JSON_BYTES)
    try:
        return json.loads(text), answer
    except (ValueError, RecursionError) as error:
        logger.warning("Ignored: %s is no JSON of a run: %s", uri, error)
        return None, answer


def read_json(s3: Any, uri: str) -> Any:
    """Return a JSON object, null if there is none."""
    return find_json(s3, uri)[0]


def update_json(s3: Any, uri: str, change: Callable[[Any, Any], Any]) -> Any:
    """Write what `change` makes of an object's content and S3's answer, and return the content that is there then.

    If another writer was first, `change` is asked again. Where it returns null, the object stays as it is.
    """
    for _ in range(ATTEMPTS):
        content, answer = find_json(s3, uri)
        wanted = change(content, answer)
        if wanted is None:
            return content
        if put_json_if(s3, uri, wanted, answer.get("ETag")):
            return wanted
        logger.info("Another task wrote %s at the same moment; looking again", uri)
    raise OvertakenError(uri)


def put_json_if(s3: Any, uri: str, content: Any, etag: str | None) -> bool:
    """Write an object unless somebody has written since it was read with this ETag; return whether it was written.

    An ETag of null means that there was no object.
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(content, indent=2).encode()
    try:
        s3.put_object(**object_of(uri), Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        # A match with an object that somebody has deleted: that is overtaken, too. A bucket that is gone is not.
        if error_code(error) in OVERTAKEN or (etag and error_code(error) in ("NoSuchKey", "404")):
            return False
        raise
    return True


def delete_keys(s3: Any, bucket: str, keys: list[str]) -> None:
    """Delete up to 1,000 objects; raise a RuntimeError that names the first that S3 refused.

    S3 answers for each key. Those that it was too busy for are tried again.
    """
    asked = keys
    for attempt in range(1, ATTEMPTS + 1):
        request = {"Objects": [{"Key": key} for key in asked], "Quiet": True}
        refused = s3.delete_objects(Bucket=bucket, Delete=request).get("Errors", [])
        if not all(error.get("Code") in BUSY for error in refused):
            break
        asked = [error["Key"] for error in refused]
        if not asked:
            return
        time.sleep(0.1 * 2**attempt)
    first = next((error for error in refused if error.get("Code") not in BUSY), refused[0])
    raise RuntimeError(
        f"{len(refused)} of {len(keys)} objects could not be deleted, first s3://{bucket}/{first['Key']}: "
        f"{first.get('Code')} {first.get('Message')}; does the role have s3:DeleteObject there?"
    )
