"""Operations on many objects of a bucket: ListObjects (both), ListObjectVersions, DeleteObjects."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from local_aws.s3.files.pages import MAX_KEYS, Page, Query, after_marker, decode_token, encode_token, list_page
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import ObjectSummary
from local_aws.s3.files.writer import WriteCondition, delete_object
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error, from_os_error
from local_aws.s3.protocol.messages import Request, Response, iso_time, xml_response

OWNER = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a", "DisplayName": "webfile"}
"""The account that moto's S3 answers with."""

Encoder = Callable[[str], str]


def _encoder(request: Request) -> Encoder:
    """Keys can hold characters that XML cannot; clients that know ask for them percent-encoded."""
    encoding = request.query.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise S3Error("InvalidArgument", f"encoding-type can be url, not {encoding!r}")
    return quote if encoding else str


def _query(request: Request, after: str) -> Query:
    return Query(
        prefix=request.query.get("prefix", ""),
        delimiter=request.query.get("delimiter", ""),
        after=after,
        max_keys=request.integer("max-keys", MAX_KEYS, 0, MAX_KEYS),
    )


def _after(request: Request, name: str) -> str:
    return after_marker(
        request.query.get(name, ""), request.query.get("prefix", ""), request.query.get("delimiter", "")
    )


def _object_node(found: ObjectSummary, encode: Encoder) -> dict[str, xml.Node]:
    return {
        "Key": encode(found.key),
        "LastModified": iso_time(found.version.mtime_ns),
        "ETag": f'"{found.etag}"',
        "Size": found.version.size,
        "StorageClass": "STANDARD",
    }


def _page_node(request: Request, query: Query, page: Page, encode: Encoder) -> dict[str, xml.Node]:
    """What all listings have in common."""
    node: dict[str, xml.Node] = {"Name": request.bucket, "Prefix": encode(query.prefix), "MaxKeys": query.max_keys}
    if query.delimiter:
        node["Delimiter"] = encode(query.delimiter)
    if encode is quote:
        node["EncodingType"] = "url"
    node["IsTruncated"] = page.is_truncated
    node["CommonPrefixes"] = [{"Prefix": encode(prefix)} for prefix in page.common_prefixes]
    return node


def list_objects(store: ObjectStore, request: Request) -> Response:
    return _list_v2(store, request) if request.query.get("list-type") == "2" else _list_v1(store, request)


def _list_v2(store: ObjectStore, request: Request) -> Response:
    encode, token = _encoder(request), request.query.get("continuation-token")
    start_after = request.query.get("start-after", "")
    if token is None:
        query = _query(request, start_after)
    else:
        query = _query(request, "")
        last = decode_token(token)
        query = Query(query.prefix, query.delimiter, after_marker(last, query.prefix, query.delimiter), query.max_keys)
    page = list_page(store, request.bucket, query)
    node = _page_node(request, query, page, encode)
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
    encode = _encoder(request)
    query = _query(request, _after(request, "marker"))
    page = list_page(store, request.bucket, query)
    node = _page_node(request, query, page, encode)
    node["Marker"] = encode(request.query.get("marker", ""))
    if page.is_truncated:
        node["NextMarker"] = encode(page.last)
    node["Contents"] = [_object_node(found, encode) | {"Owner": OWNER} for found in page.objects]
    return xml_response("ListBucketResult", node)


def list_versions(store: ObjectStore, request: Request) -> Response:
    """Every object has one version, `null`, as in a bucket that never kept versions."""
    encode = _encoder(request)
    query = _query(request, _after(request, "key-marker"))
    page = list_page(store, request.bucket, query)
    node = _page_node(request, query, page, encode)
    node["KeyMarker"] = encode(request.query.get("key-marker", ""))
    if page.is_truncated:
        node |= {"NextKeyMarker": encode(page.last), "NextVersionIdMarker": "null"}
    node["Version"] = [
        {**_object_node(found, encode), "VersionId": "null", "IsLatest": True, "Owner": OWNER} for found in page.objects
    ]
    return xml_response("ListVersionsResult", node)


def delete_objects(store: ObjectStore, request: Request) -> Response:
    store.find_bucket(request.bucket)
    document = xml.parse(request.read_document(), "Delete")
    entries = document.findall("Object")
    if not 1 <= len(entries) <= MAX_KEYS:
        raise S3Error("MalformedXML", f"one request deletes 1 to {MAX_KEYS} objects, not {len(entries)}")
    deleted: list[xml.Node] = []
    errors: list[xml.Node] = []
    for entry in entries:
        key = xml.child_text(entry, "Key")
        try:
            if entry.findtext("VersionId", "null") != "null":
                raise S3Error("NoSuchVersion", "the buckets here keep no versions of their objects")
            delete_object(store, request.bucket, key, WriteCondition(if_match=_etag(entry.findtext("ETag"))))
        except (S3Error, OSError) as failure:
            error = failure if isinstance(failure, S3Error) else from_os_error(failure)
            errors.append({"Key": key, "Code": error.code, "Message": error.message})
        else:
            deleted.append({"Key": key})
    shown: list[xml.Node] = [] if document.findtext("Quiet") == "true" else deleted
    return xml_response("DeleteResult", {"Deleted": shown, "Error": errors})


def _etag(text: str | None) -> str | None:
    return None if text is None else text.strip('"')
