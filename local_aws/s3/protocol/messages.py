"""Requests and answers of S3."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from local_aws.s3.protocol import xml
from local_aws.s3.protocol.errors import S3Error

MAX_KEYS = 1000
"""The limit of S3 for one page of a listing, and for one request that deletes."""
MAX_DOCUMENT_BYTES = 4 << 20
"""The limit of a request's XML body. The thousand longest keys of one DeleteObjects fit twice."""

# fmt: off
SUBRESOURCES = frozenset({
    "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
    "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "ownershipControls",
    "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select",
    "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
})
# fmt: on
"""The parameters of a query that name something else than the bucket or the object itself."""

XML_TYPE = {"Content-Type": "application/xml"}
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, path style: `/<bucket>/<key>?<query>`."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name, as the connection has them: WSGI would confuse `x-amz-meta-a_b` with `x-amz-meta-a-b`."""
    stream: IO[bytes]

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> "Request":
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
        """The part of the bucket or object that is meant, for example `tagging`; empty for the thing itself."""
        return next((name for name in self.query if name in SUBRESOURCES), "")

    def read_document(self) -> bytes:
        """Return the whole body of a request that carries XML. Nobody may hold a lock while the client sends it."""
        document = self.stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(document) > MAX_DOCUMENT_BYTES:
            raise S3Error("MalformedXML", f"the request's XML is larger than {MAX_DOCUMENT_BYTES} bytes")
        return document

    def integer(self, name: str, default: int, highest: int) -> int:
        """Return a number of the query. Values above the highest count as the highest, as in S3."""
        text = self.query.get(name)
        return default if text is None else min(parse_number(name, text), highest)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. One of werkzeug would cost 30 us more, of the 500 that a small GET takes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


def parse_number(name: str, text: str, code: str = "InvalidArgument") -> int:
    """Return a whole number, and raise S3Error for what is none, or has more digits than any number of S3."""
    if not _NUMBER.fullmatch(text):
        raise S3Error(code, f"{name} has to be a whole number, not {text[:40]!r}")
    return int(text)


def xml_response(name: str, node: Mapping[str, xml.Node]) -> Response:
    return Response(200, XML_TYPE, xml.render(name, node))


def iso_time(time_ns: int) -> str:
    """Return a time as S3 writes it in XML, in whole seconds.

    >>> iso_time(1_500_000_000)
    '1970-01-01T00:00:01.000Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time_ns // 1_000_000_000))
