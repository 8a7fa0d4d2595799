"""Operations that list the objects of a bucket: ListObjects, ListObjectsV2 and ListObjectVersions."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from local_aws.s3.files.pages import MAX_KEYS, Page, Query, after_marker, decode_token, encode_token, list_page
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import ObjectSummary
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, Response, iso_time, xml_response

OWNER = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a", "DisplayName": "webfile"}
"""The account of moto's S3."""

Encoder = Callable[[str], str]


def _encoder(request: Request) -> Encoder:
    """Return how keys are written: XML cannot hold every character, and clients may ask for percent-encoded keys."""
    encoding = request.query.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise S3Error("InvalidArgument", f"encoding-type can be url, not {encoding!r}")
    return quote if encoding else str


def _list(
    store: ObjectStore, request: Request, marker: str, start_after: str = ""
) -> tuple[Page, dict[str, xml.Node], Encoder]:
    """Return one page, the part of the answer that all listings have in common, and how keys are written."""
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    encode = _encoder(request)
    after = after_marker(marker, prefix, delimiter) or start_after
    query = Query(prefix, delimiter, after, request.integer("max-keys", MAX_KEYS, 0, MAX_KEYS))
    page = list_page(store, request.bucket, query)
    node: dict[str, xml.Node] = {"Name": request.bucket, "Prefix": encode(prefix), "MaxKeys": query.max_keys}
    if delimiter:
        node["Delimiter"] = encode(delimiter)
    if encode is quote:
        node["EncodingType"] = "url"
    node["IsTruncated"] = page.is_truncated
    node["CommonPrefixes"] = [{"Prefix": encode(common)} for common in page.common_prefixes]
    return page, node, encode


def _object_node(found: ObjectSummary, encode: Encoder) -> dict[str, xml.Node]:
    return {
        "Key": encode(found.key),
        "LastModified": iso_time(found.version.mtime_ns),
        "ETag": f'"{found.etag}"',
        "Size": found.version.size,
        "StorageClass": "STANDARD",
    }


def list_objects(store: ObjectStore, request: Request) -> Response:
    return _list_v2(store, request) if request.query.get("list-type") == "2" else _list_v1(store, request)


def _list_v2(store: ObjectStore, request: Request) -> Response:
    token, start_after = request.query.get("continuation-token"), request.query.get("start-after", "")
    page, node, encode = _list(store, request, decode_token(token) if token else "", start_after)
    node["KeyCount"] = len(page.objects) + len(page.common_prefixes)
    if token is not None:
        node["ContinuationToken"] = token
    if start_after:
        node["StartAfter"] = encode(start_after)
    if page.is_truncated:
        node["NextContinuationToken"] = encode_token(page.last)
    owner: dict[str, xml.Node] = {"Owner": OWNER} if request.query.get("fetch-owner") == "true" else {}
    node["Contents"] = [_object_node(found, encode) | owner for found in page.objects]
    return xml_response("ListBucketResult", node)


def _list_v1(store: ObjectStore, request: Request) -> Response:
    marker = request.query.get("marker", "")
    page, node, encode = _list(store, request, marker)
    node["Marker"] = encode(marker)
    if page.is_truncated:
        node["NextMarker"] = encode(page.last)
    node["Contents"] = [_object_node(found, encode) | {"Owner": OWNER} for found in page.objects]
    return xml_response("ListBucketResult", node)


def list_versions(store: ObjectStore, request: Request) -> Response:
    """List every object with one version, `null`, as in a bucket that never kept versions."""
    marker = request.query.get("key-marker", "")
    page, node, encode = _list(store, request, marker)
    node["KeyMarker"] = encode(marker)
    if page.is_truncated:
        node |= {"NextKeyMarker": encode(page.last), "NextVersionIdMarker": "null"}
    node["Version"] = [
        {**_object_node(found, encode), "VersionId": "null", "IsLatest": True, "Owner": OWNER} for found in page.objects
    ]
    return xml_response("ListVersionsResult", node)
