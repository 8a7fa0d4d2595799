"""Operations that list the objects of a bucket: ListObjects, ListObjectsV2 and ListObjectVersions."""

import base64
import os
from collections.abc import Callable
from urllib.parse import quote

from local_aws.s3.files.catalog import STORAGE_CLASS, FileVersion
from local_aws.s3.files.paths import ObjectPathError, check_key
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import describe
from local_aws.s3.files.walk import walk
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import MAX_KEYS, Request, Response, iso_time, xml_response

OWNER = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a", "DisplayName": "webfile"}
"""The account of moto's S3."""
AFTER_ALL = "\U0010ffff"
"""A character that sorts after every character of a key."""


def _can_have_keys(store: ObjectStore, bucket: str, prefix: str) -> bool:
    """Return whether a key can have the prefix, and raise S3Error for a prefix that leads out of the bucket."""
    folder_key, slash, _ = prefix.rpartition("/")
    if ".." in folder_key.split("/"):
        raise S3Error("InvalidURI", f"the prefix {prefix!r} leads out of the bucket's folder")
    try:
        check_key(folder_key + slash if slash else "any")
    except ObjectPathError:
        return False
    return store.is_inside(os.path.realpath(f"{store.root}/{bucket}/{folder_key}"))


def _page(
    store: ObjectStore, bucket: str, prefix: str, delimiter: str, after: str, max_keys: int
) -> tuple[list[tuple[str, FileVersion]], list[str], str]:
    """Return what is on the page after the one that ended with `after`, a key or a common prefix.

    These are objects, common prefixes, and the last of both, which is empty when there is no further page.
    """
    seen: list[tuple[str, FileVersion]] = []
    common_prefixes: list[str] = []
    last = ""
    store.find_bucket(bucket)
    if max_keys == 0 or not _can_have_keys(store, bucket, prefix):
        return seen, common_prefixes, ""
    if delimiter and after.endswith(delimiter) and after.startswith(prefix) and after != prefix:
        after += AFTER_ALL  # that page had all keys that the common prefix stands for
    for key in walk(store, bucket, prefix, after, fold=delimiter == "/"):
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        common = key[: cut + len(delimiter)] if cut >= 0 else ""
        if common and common_prefixes[-1:] == [common]:
            continue
        version = None if common else store.version(bucket, key)
        if not common and version is None:
            continue
        if len(seen) + len(common_prefixes) == max_keys:
            return seen, common_prefixes, last
        last = common or key
        if version is None:
            common_prefixes.append(common)
        else:
            seen.append((key, version))
    return seen, common_prefixes, ""


def _list(
    store: ObjectStore, request: Request, item: str, after: str
) -> tuple[str, dict[str, xml.Node], Callable[[str], str]]:
    """Return where the next page begins, what the answers of all listings have in common, and how keys are written.

    XML cannot hold every character, so clients may ask for percent-encoded keys. `item` is the element of an object.
    """
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    encoding = request.query.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise S3Error("InvalidArgument", f"encoding-type can be url, not {encoding!r}")
    encode = quote if encoding else str
    max_keys = request.integer("max-keys", MAX_KEYS, MAX_KEYS)
    seen, common_prefixes, last = _page(store, request.bucket, prefix, delimiter, after, max_keys)
    found = describe(store, request.bucket, seen)
    node: dict[str, xml.Node] = {"Name": request.bucket, "Prefix": encode(prefix), "MaxKeys": max_keys}
    node |= {"Delimiter": encode(delimiter)} if delimiter else {}
    node |= {"EncodingType": "url"} if encoding else {}
    node["IsTruncated"] = last != ""
    node["CommonPrefixes"] = [{"Prefix": encode(common)} for common in common_prefixes]
    is_v2 = request.query.get("list-type") == "2"
    node |= {"KeyCount": len(found) + len(common_prefixes)} if is_v2 else {}
    extra: dict[str, xml.Node] = {"Owner": OWNER} if not is_v2 or request.query.get("fetch-owner") == "true" else {}
    if item == "Version":
        extra |= {"VersionId": "null", "IsLatest": True}
    node[item] = [
        {
            "Key": encode(key),
            "LastModified": iso_time(version.mtime_ns),
            "ETag": f'"{facts.etag}"',
            "Size": version.size,
            "StorageClass": facts.headers.get(STORAGE_CLASS, "STANDARD"),
            **extra,
        }
        for key, version, facts in found
    ]
    return last, node, encode


def list_objects(store: ObjectStore, request: Request) -> Response:
    if request.query.get("list-type") == "2":
        return _list_v2(store, request)
    return xml_response("ListBucketResult", _list_after(store, request, "Contents", "marker", "Marker"))


def list_versions(store: ObjectStore, request: Request) -> Response:
    """List every object with one version, `null`, as in a bucket that never kept versions."""
    node = _list_after(store, request, "Version", "key-marker", "KeyMarker")
    if "NextKeyMarker" in node:
        node["NextVersionIdMarker"] = "null"
    return xml_response("ListVersionsResult", node)


def _list_after(store: ObjectStore, request: Request, item: str, parameter: str, shown: str) -> dict[str, xml.Node]:
    """Return the answer of a listing that goes on after the key in a parameter, which the answer shows."""
    marker = request.query.get(parameter, "")
    last, node, encode = _list(store, request, item, marker)
    node[shown] = encode(marker)
    return node | ({f"Next{shown}": encode(last)} if last else {})


def _list_v2(store: ObjectStore, request: Request) -> Response:
    token, start_after = request.query.get("continuation-token"), request.query.get("start-after", "")
    try:
        marker = base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
    except ValueError as error:
        message = f"the continuation token {token!r} is not from this endpoint; list again without it"
        raise S3Error("InvalidArgument", message) from error
    last, node, encode = _list(store, request, "Contents", marker or start_after)
    if token is not None:
        node["ContinuationToken"] = token
    if start_after:
        node["StartAfter"] = encode(start_after)
    if last:
        node["NextContinuationToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    return xml_response("ListBucketResult", node)
