"""A request as our S3 sees it, and what it answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error

MAX_DOCUMENT_BYTES = 4 << 20
"""Of a request's XML body: a thousand keys of a DeleteObjects at their longest fit twice."""

# fmt: off
SUBRESOURCES = frozenset({
    "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
    "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "ownershipControls",
    "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select",
    "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
})
# fmt: on
"""The parameters of a query that name another thing than the bucket or object itself."""


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request, path style: `/<bucket>/<key>?<query>`."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name. Taken from the connection: WSGI would make one of `x-amz-meta-a_b` and `x-amz-meta-a-b`."""
    stream: Readable

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> Request:
        scope = environ["asgi.scope"]
        try:
            path = unquote_to_bytes(scope["raw_path"]).decode()
            query = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict"))
        except UnicodeDecodeError as error:
            raise S3Error("InvalidURI", f"the address is not UTF-8, percent-encoded: {error}") from error
        bucket, _, key = path.removeprefix("/").partition("/")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return cls(environ["REQUEST_METHOD"], bucket, key, query, headers, environ["wsgi.input"])

    @property
    def subresource(self) -> str:
        """What of the bucket or object is meant, `tagging` for example; empty for itself."""
        return next((name for name in self.query if name in SUBRESOURCES), "")

    def read_document(self) -> bytes:
        """The whole body of a request that carries XML."""
        document = self.stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(document) > MAX_DOCUMENT_BYTES:
            raise S3Error("MalformedXML", f"the request's XML is larger than {MAX_DOCUMENT_BYTES} bytes")
        return document

    def integer(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A number of the query; values above the highest count as the highest, as in S3."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and int(text) >= lowest):
            raise S3Error("InvalidArgument", f"{name} has to be an integer of at least {lowest}, not {text!r}")
        return min(int(text), highest)


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def xml_response(name: str, node: Mapping[str, xml.Node], headers: Mapping[str, str] | None = None) -> Response:
    return Response(200, {"Content-Type": "application/xml", **(headers or {})}, xml.render(name, node))


def error_response(error: S3Error, resource: str) -> Response:
    node = {"Code": error.code, "Message": error.message, "Resource": resource}
    return Response(error.status, {"Content-Type": "application/xml"}, xml.render("Error", node, namespace=False))


def iso_time(time_ns: int) -> str:
    """As in XML; whole seconds, as S3 does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time_ns // 1_000_000_000))


def http_date(time_ns: int) -> str:
    return formatdate(time_ns // 1_000_000_000, usegmt=True)
