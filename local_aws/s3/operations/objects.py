"""Operations that read and write one object: GetObject, HeadObject, PutObject, CopyObject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import unquote

from local_aws.s3.files.catalog import ObjectFacts
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import DEFAULT_CONTENT_TYPE, OpenObject, open_object, opened
from local_aws.s3.files.writer import (
    WriteCondition,
    check_writable,
    publish,
    write_hashed,
)
from local_aws.s3.operations.tags import tags_of_header
from local_aws.s3.protocol.conditions import check_version, is_unchanged, parse_range
from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, Response, http_date, iso_time, xml_response
from local_aws.s3.protocol.upload_body import CHECKSUMS, MAX_UPLOAD_BYTES, plain_chunks, receive

WHOLE_BYTES = 1 << 20
"""The answer to a read of up to this size is one piece."""
PIECE_BYTES = 1 << 18
METADATA_HEADER = "x-amz-meta-"
CONTENT_HEADERS = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires",
)


class FilePieces:
    """The body of a large answer, which closes its file at the end."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.left = file, length

    def __iter__(self) -> Iterator[bytes]:
        while self.left > 0 and (piece := self.file.read(min(PIECE_BYTES, self.left))):
            self.left -= len(piece)
            yield piece

    def close(self) -> None:
        self.file.close()


def object_headers(found: OpenObject) -> dict[str, str]:
    stored = {name: value for name, value in found.facts.headers.items() if name not in CHECKSUMS}
    if found.facts.tags:
        stored["x-amz-tagging-count"] = str(len(found.facts.tags))
    return {
        **stored,
        "Content-Type": found.content_type,
        "ETag": f'"{found.facts.etag}"',
        "Last-Modified": http_date(found.version.mtime_ns),
        "Accept-Ranges": "bytes",
    }


def _overrides(request: Request) -> dict[str, str]:
    """Return the headers that `response-content-type=...` and others ask for, mostly in presigned addresses."""
    asked = {name: request.query.get(f"response-{name.lower()}") for name in CONTENT_HEADERS}
    return {name: value for name, value in asked.items() if value is not None}


def _asked_range(request: Request, found: OpenObject) -> range | None:
    text = request.headers.get("range")
    if text is None or request.headers.get("if-range", f'"{found.facts.etag}"').strip('"') != found.facts.etag:
        return None
    return parse_range(text, found.version.size)


def get_object(store: ObjectStore, request: Request) -> Response:
    """Answer GetObject and, without a body, HeadObject."""
    check_version(request.query.get("versionId", "null"))
    if "partNumber" in request.query:
        raise S3Error("NotImplemented", "single parts of an object cannot be read here; ask for a Range instead")
    found = open_object(store, request.bucket, request.key)
    body: bytes | FilePieces = b""
    try:
        headers = object_headers(found)
        if is_unchanged(request.headers, found.facts.etag, found.version.mtime_ns):
            return Response(304, headers)
        asked = _asked_range(request, found)
        span = range(found.version.size) if asked is None else asked
        headers |= _overrides(request) | {"Content-Length": str(len(span))}
        if asked is not None:
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{found.version.size}"
        elif request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= {name: value for name, value in found.facts.headers.items() if name in CHECKSUMS}
        if request.method == "GET" and found.file is not None:
            body = _read_span(found.file, span)
        return Response(200 if asked is None else 206, headers, body)
    finally:
        if not isinstance(body, FilePieces):
            found.close()


def _read_span(file: BinaryIO, span: range) -> bytes | FilePieces:
    file.seek(span.start)
    return file.read(len(span)) if len(span) <= WHOLE_BYTES else FilePieces(file, len(span))


def facts_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an upload that later reads give back."""
    content = {name: headers[name.lower()] for name in CONTENT_HEADERS if name.lower() in headers}
    # aws-chunked is the framing of the upload, not the encoding of the object.
    encodings = [part.strip() for part in content.pop("Content-Encoding", "").split(",")]
    kept = ",".join(part for part in encodings if part not in ("", "aws-chunked"))
    metadata = {name: value for name, value in headers.items() if name.startswith(METADATA_HEADER)}
    return {
        "Content-Type": DEFAULT_CONTENT_TYPE,
        **content,
        **({"Content-Encoding": kept} if kept else {}),
        **metadata,
    }


def put_object(store: ObjectStore, request: Request) -> Response:
    condition = WriteCondition.of(request.headers)
    check_writable(store, request.bucket, request.key, condition)
    headers, tags = facts_headers(request.headers), tags_of_header(request.headers)
    with store.scratch_file() as scratch:
        receipt = receive(request, scratch[1])
        facts = ObjectFacts(receipt.md5, headers | receipt.checksums, tags)
        publish(store, request.bucket, request.key, scratch, facts, condition)
    return Response(200, {"ETag": f'"{receipt.md5}"', **receipt.checksums})


def copy_source(request: Request) -> tuple[str, str]:
    """Return bucket and key of `x-amz-copy-source`."""
    path, _, version = request.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not key or version not in ("", "null"):
        raise S3Error("InvalidArgument", f"x-amz-copy-source should be bucket/key, percent-encoded, not {path!r}")
    return bucket, key


def check_copy_source(request: Request, source: OpenObject) -> None:
    if is_unchanged(request.headers, source.facts.etag, source.version.mtime_ns, source="x-amz-copy-source-"):
        raise S3Error("PreconditionFailed", "the source of the copy does not meet its conditions")


def copy_object(store: ObjectStore, request: Request) -> Response:
    condition = WriteCondition.of(request.headers)
    check_writable(store, request.bucket, request.key, condition)
    replaces_headers = request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
    replaces_tags = request.headers.get("x-amz-tagging-directive", "COPY") == "REPLACE"
    source_bucket, source_key = copy_source(request)
    if (source_bucket, source_key) == (request.bucket, request.key) and not (replaces_headers or replaces_tags):
        raise S3Error("InvalidRequest", "a copy of an object onto itself has to replace its metadata or tags")
    with opened(store, source_bucket, source_key) as source, store.scratch_file() as scratch:
        check_copy_source(request, source)
        if source.version.size > MAX_UPLOAD_BYTES:
            raise S3Error("InvalidRequest", "an object of over 5 GiB is copied by a multipart upload")
        chunks = plain_chunks(source.file, source.version.size) if source.file is not None else ()
        md5 = write_hashed(chunks, scratch[1])
        kept = {"Content-Type": source.content_type, **source.facts.headers}
        headers = facts_headers(request.headers) if replaces_headers else kept
        tags = tags_of_header(request.headers) if replaces_tags else source.facts.tags
        facts = ObjectFacts(md5, headers, tags)
        version = publish(store, request.bucket, request.key, scratch, facts, condition, "Copy")
    return xml_response("CopyObjectResult", {"LastModified": iso_time(version.mtime_ns), "ETag": f'"{md5}"'})
