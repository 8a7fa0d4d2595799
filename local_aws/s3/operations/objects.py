"""Operations that read and write one object: GetObject, HeadObject, PutObject, CopyObject, RestoreObject."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO
from urllib.parse import unquote

from werkzeug.http import http_date

from local_aws.s3.files.catalog import STORAGE_CLASS, ObjectFacts
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import DEFAULT_CONTENT_TYPE, StoredObject, open_object
from local_aws.s3.files.writer import WriteCondition, publish
from local_aws.s3.operations.tags import tags_of_header
from local_aws.s3.protocol import xml
from local_aws.s3.protocol.conditions import check_version, is_unchanged, parse_range
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, Response, iso_time, parse_number, xml_response
from local_aws.s3.protocol.upload_body import CHECKSUMS, MAX_UPLOAD_BYTES, plain_chunks, receive, write_hashed

WHOLE_BYTES = 1 << 20
"""The answer to a read of up to this size is one piece."""
PIECE_BYTES = 1 << 18
CONTENT_HEADERS = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires",
)
OVERRIDES = {f"response-{name.lower()}": name for name in CONTENT_HEADERS}
"""The parameters by which a query, mostly of a presigned address, asks for another header."""
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
"""The storage classes whose objects have to be restored before they can be read."""
RESTORED = "x-amz-restore"


def object_headers(found: StoredObject) -> dict[str, str]:
    stored = {name: value for name, value in found.facts.headers.items() if name not in CHECKSUMS}
    if found.facts.tags:
        stored["x-amz-tagging-count"] = str(len(found.facts.tags))
    return {
        **stored,
        "Content-Type": found.content_type,
        "ETag": f'"{found.facts.etag}"',
        "Last-Modified": http_date(found.version.mtime_ns // 1_000_000_000),
        "Accept-Ranges": "bytes",
    }


def _check_readable(found: StoredObject) -> None:
    storage_class = found.facts.headers.get(STORAGE_CLASS)
    if storage_class in ARCHIVES and RESTORED not in found.facts.headers:
        message = f"{found.key!r} is archived in {storage_class}: restore the object before you read it"
        raise S3Error("InvalidObjectState", message)


def get_object(store: ObjectStore, request: Request) -> Response:
    """Answer GetObject and, without a body, HeadObject."""
    check_version(request.query.get("versionId", "null"))
    if "partNumber" in request.query:
        raise S3Error("NotImplemented", "single parts of an object cannot be read here; ask for a Range instead")
    found = open_object(store, request.bucket, request.key)
    body: bytes | Iterable[bytes] = b""
    try:
        headers = object_headers(found)
        if is_unchanged(request.headers, found.facts.etag, found.version.mtime_ns):
            return Response(304, headers)
        is_same = request.headers.get("if-range", found.facts.etag).strip('"') == found.facts.etag
        asked = parse_range(request.headers.get("range", "") if is_same else "", found.version.size)
        span = range(found.version.size) if asked is None else asked
        headers |= {OVERRIDES[name]: value for name, value in request.query.items() if name in OVERRIDES}
        headers["Content-Length"] = str(len(span))
        if asked is not None:
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{found.version.size}"
        elif request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= {name: value for name, value in found.facts.headers.items() if name in CHECKSUMS}
        if request.method == "GET":
            _check_readable(found)
            found.file.seek(span.start)
            body = found.file.read(len(span)) if len(span) <= WHOLE_BYTES else _pieces(found, len(span))
        return Response(200 if asked is None else 206, headers, body)
    finally:
        if isinstance(body, bytes):
            found.close()


def _pieces(found: StoredObject, left: int) -> Iterator[bytes]:
    with closing(found):
        while left > 0 and (piece := found.file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            yield piece


def facts_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an upload that later reads give back."""
    content = {name: headers[name.lower()] for name in CONTENT_HEADERS if name.lower() in headers}
    # aws-chunked is the framing of the upload, not the encoding of the object.
    encodings = [part.strip() for part in content.pop("Content-Encoding", "").split(",")]
    if kept := ",".join(part for part in encodings if part not in ("", "aws-chunked")):
        content["Content-Encoding"] = kept
    if headers.get(STORAGE_CLASS, "STANDARD") != "STANDARD":
        content[STORAGE_CLASS] = headers[STORAGE_CLASS]
    metadata = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
    return {"Content-Type": DEFAULT_CONTENT_TYPE, **content, **metadata}


def put_object(store: ObjectStore, request: Request) -> Response:
    condition = WriteCondition.of(request.headers)
    store.writable_path(request.bucket, request.key)
    headers, tags = facts_headers(request.headers), tags_of_header(request.headers)
    with store.scratch_file() as scratch:
        md5, checksums = receive(request, scratch)
        facts = ObjectFacts(md5, headers | checksums, tags)
        publish(store, request.bucket, request.key, scratch, facts, condition, "Put")
    return Response(200, {"ETag": f'"{md5}"', **checksums})


def copy_source(request: Request) -> tuple[str, str]:
    """Return bucket and key of `x-amz-copy-source`."""
    path, _, version = request.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not key or version not in ("", "null"):
        raise S3Error("InvalidArgument", f"x-amz-copy-source should be bucket/key, percent-encoded, not {path!r}")
    return bucket, key


def check_copy_source(request: Request, source: StoredObject) -> None:
    if is_unchanged(request.headers, source.facts.etag, source.version.mtime_ns, source="x-amz-copy-source-"):
        raise S3Error("PreconditionFailed", "the source of the copy does not meet its conditions")
    _check_readable(source)


def copy_bytes(source: StoredObject, span: range, scratch: BinaryIO) -> str:
    """Write bytes of an object to a scratch file, and return their MD5 in hex."""
    md5 = hashlib.md5(usedforsecurity=False)
    source.file.seek(span.start)
    write_hashed(plain_chunks(source.file, len(span)), scratch, [md5], len(span))
    return md5.hexdigest()


def copy_object(store: ObjectStore, request: Request) -> Response:
    condition = WriteCondition.of(request.headers)
    store.writable_path(request.bucket, request.key)
    replaces_headers = request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
    replaces_tags = request.headers.get("x-amz-tagging-directive", "COPY") == "REPLACE"
    is_changed = replaces_headers or replaces_tags or STORAGE_CLASS in request.headers
    if copy_source(request) == (request.bucket, request.key) and not is_changed:
        raise S3Error("InvalidRequest", "a copy of an object onto itself has to replace its metadata or tags")
    with closing(open_object(store, *copy_source(request))) as source, store.scratch_file() as scratch:
        check_copy_source(request, source)
        if source.version.size > MAX_UPLOAD_BYTES:
            raise S3Error("InvalidRequest", "an object of over 5 GiB is copied by a multipart upload")
        md5 = copy_bytes(source, range(source.version.size), scratch)
        asked = facts_headers(request.headers)
        kept = {"Content-Type": source.content_type, **source.facts.headers}
        # The storage class is always the one that the request asks for.
        kept = {name: value for name, value in kept.items() if name not in (STORAGE_CLASS, RESTORED)}
        kept |= {name: asked[name] for name in (STORAGE_CLASS,) if name in asked}
        tags = tags_of_header(request.headers) if replaces_tags else source.facts.tags
        facts = ObjectFacts(md5, asked if replaces_headers else kept, tags)
        version = publish(store, request.bucket, request.key, scratch, facts, condition, "Copy")
    return xml_response("CopyObjectResult", {"LastModified": iso_time(version.mtime_ns), "ETag": f'"{md5}"'})


def restore_object(store: ObjectStore, request: Request) -> Response:
    """Make an archived object readable at once, and for good: its expiry date only shows."""
    days = parse_number("Days", xml.child_text(xml.parse(request.read_document(), "RestoreRequest"), "Days"))
    with store.lock(request.bucket, request.key), closing(open_object(store, request.bucket, request.key)) as found:
        if found.facts.headers.get(STORAGE_CLASS) not in ARCHIVES:
            raise S3Error("InvalidObjectState", f"{found.key!r} is not archived")
        restored = f'ongoing-request="false", expiry-date="{http_date(time.time() + days * 86400)}"'
        facts = replace(found.facts, headers={**found.facts.headers, RESTORED: restored})
        store.catalog.record(request.bucket, request.key, found.version, facts)
    return Response(202)
