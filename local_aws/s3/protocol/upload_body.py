"""The bytes of an upload on their way to disk. Framing, length and checksums are checked as they pass."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Readable, Request

CHUNK_BYTES = 1 << 20
MAX_FRAME_LINE_BYTES = 1024
MAX_UPLOAD_BYTES = 5 << 30
"""The limit of S3 for one PUT, one part or one copy."""


class Crc32:
    """CRC32 of zlib with the interface of hashlib."""

    def __init__(self) -> None:
        self.value = 0

    def update(self, chunk: bytes) -> None:
        self.value = zlib.crc32(chunk, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")


CHECKSUMS: Mapping[str, Callable[[], Any]] = {
    "x-amz-checksum-crc32": Crc32,
    "x-amz-checksum-sha1": hashlib.sha1,
    "x-amz-checksum-sha256": hashlib.sha256,
}
"""The checksums that can be computed here. Those that need another library (CRC32C, CRC64NVME) are ignored."""


@dataclass(slots=True)
class Receipt:
    """Facts about bytes that have arrived."""

    size: int
    md5: str
    checksums: dict[str, str] = field(default_factory=dict)
    """The checksums that the client sent and that are right, by header name."""


def plain_chunks(stream: Readable, length: int) -> Iterator[bytes]:
    while length > 0:
        chunk = stream.read(min(CHUNK_BYTES, length))
        if not chunk:
            raise S3Error("IncompleteBody", f"the bytes ended {length} before their announced length")
        length -= len(chunk)
        yield chunk


class FramedBody:
    """A body in `aws-chunked` encoding: sized frames, then trailing headers. Signatures of frames are not checked."""

    def __init__(self, stream: Readable) -> None:
        self.stream, self.buffer = stream, b""
        self.trailers: dict[str, str] = {}

    def _fill(self) -> None:
        more = self.stream.read(CHUNK_BYTES)
        if not more:
            raise S3Error("IncompleteBody", "the connection ended within an aws-chunked body")
        self.buffer += more

    def _line(self) -> str:
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > MAX_FRAME_LINE_BYTES:
                raise S3Error("InvalidRequest", "the body says it is aws-chunked, but has no frames")
            self._fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def _frame_size(self) -> int:
        digits = self._line().partition(";")[0]
        try:
            return int(digits, 16)
        except ValueError as error:
            raise S3Error("InvalidRequest", f"an aws-chunked frame has no size but {digits!r}") from error

    def chunks(self) -> Iterator[bytes]:
        while left := self._frame_size():
            while left:
                if not self.buffer:
                    self._fill()
                chunk, self.buffer = self.buffer[:left], self.buffer[left:]
                left -= len(chunk)
                yield chunk
            if self._line():
                raise S3Error("InvalidRequest", "an aws-chunked frame is longer than it says")
        self._read_trailers()

    def _read_trailers(self) -> None:
        while self.buffer or (more := self.stream.read(CHUNK_BYTES)):
            self.buffer = self.buffer or more
            if line := self._line():
                name, _, value = line.partition(":")
                self.trailers[name.strip().lower()] = value.strip()


def _announced_length(headers: Mapping[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length")
    if text is None:
        raise S3Error("MissingContentLength", "an upload has to announce its length in Content-Length")
    if not (text.isascii() and text.isdigit()):
        raise S3Error("InvalidArgument", f"the announced length {text!r} is not a number")
    if int(text) > MAX_UPLOAD_BYTES:
        raise S3Error("EntityTooLarge", f"one request carries at most {MAX_UPLOAD_BYTES} bytes; use a multipart upload")
    return int(text)


def _is_framed(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or "aws-chunked" in headers.get(
        "content-encoding", ""
    )


def _base64_digest(header: str, text: str, size: int) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise S3Error("InvalidDigest", f"{header} {text!r} is not base64") from error
    if len(digest) != size:
        raise S3Error("InvalidDigest", f"{header} {text!r} has not the length of such a checksum")
    return digest


def _check_digests(headers: Mapping[str, str], digests: Mapping[str, bytes]) -> None:
    """Compare what the client announced (base64; a payload's SHA-256 in hex) with what arrived."""
    for header, digest in digests.items():
        announced = headers.get(header)
        if header == "x-amz-content-sha256":
            if announced != digest.hex():
                raise S3Error("XAmzContentSHA256Mismatch", f"{header} says {announced}, the body has {digest.hex()}")
        elif announced is not None and _base64_digest(header, announced, len(digest)) != digest:
            arrived = base64.b64encode(digest).decode()
            raise S3Error("BadDigest", f"{header} says {announced}, the body that arrived has {arrived}")


def receive(request: Request, target: BinaryIO) -> Receipt:
    """Write a request's body to the target, and raise S3Error unless length and every announced checksum are right."""
    headers = dict(request.headers)
    length = _announced_length(headers)
    framed = FramedBody(request.stream) if _is_framed(headers) else None
    hashes: dict[str, Any] = {"content-md5": hashlib.md5(usedforsecurity=False)}
    announced = set(headers) | {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")}
    hashes |= {header: make() for header, make in CHECKSUMS.items() if header in announced}
    if len(headers.get("x-amz-content-sha256", "")) == hashlib.sha256().digest_size * 2:
        hashes["x-amz-content-sha256"] = hashlib.sha256()
    size = 0
    for chunk in framed.chunks() if framed else plain_chunks(request.stream, length):
        size += len(chunk)
        target.write(chunk)
        for running in hashes.values():
            running.update(chunk)
    if size != length:
        raise S3Error("IncompleteBody", f"{length} bytes were announced, {size} arrived")
    headers |= framed.trailers if framed else {}
    digests = {header: running.digest() for header, running in hashes.items()}
    _check_digests(headers, digests)
    proven = {header: headers[header] for header in CHECKSUMS if header in digests and header in headers}
    return Receipt(size, digests["content-md5"].hex(), proven)
