"""The bytes of an upload on their way to disk. Framing, length and checksums are checked as they pass."""

import base64
import hashlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, BinaryIO

from botocore.httpchecksum import Crc32Checksum
from werkzeug.wsgi import LimitedStream

from local_aws.s3.protocol.errors import S3Error
from local_aws.s3.protocol.messages import Request, parse_number

CHUNK_BYTES = 1 << 20
MAX_FRAME_LINE_BYTES = 1024
MAX_TRAILERS = 16
MAX_UPLOAD_BYTES = 5 << 30
"""The limit of S3 for one PUT, one part or one copy."""

CHECKSUMS: Mapping[str, Callable[[], Any]] = {
    "x-amz-checksum-crc32": Crc32Checksum,
    "x-amz-checksum-sha1": hashlib.sha1,
    "x-amz-checksum-sha256": hashlib.sha256,
}
"""The checksums that can be computed here. Those that need another library (CRC32C, CRC64NVME) are ignored."""


def plain_chunks(stream: IO[bytes], length: int) -> Iterator[bytes]:
    while length > 0:
        chunk = stream.read(min(CHUNK_BYTES, length))
        if not chunk:
            raise S3Error("IncompleteBody", f"the bytes ended {length} before their announced length")
        length -= len(chunk)
        yield chunk


def _frame_line(reader: io.BufferedReader) -> str:
    line = reader.readline(MAX_FRAME_LINE_BYTES)
    if not line.endswith(b"\r\n"):
        if len(line) < MAX_FRAME_LINE_BYTES:
            raise S3Error("IncompleteBody", "the connection ended within an aws-chunked body")
        raise S3Error("InvalidRequest", "the body says it is aws-chunked, but has no frames")
    return line[:-2].decode("latin-1")


def framed_chunks(stream: IO[bytes], trailers: dict[str, str]) -> Iterator[bytes]:
    """Yield the content of an `aws-chunked` body: sized frames, then trailing headers, which go to `trailers`.

    Signatures of frames are not checked.
    """
    raw: Any = LimitedStream(stream, sys.maxsize, is_max=True)
    reader = io.BufferedReader(raw, CHUNK_BYTES)
    while True:
        digits = _frame_line(reader).partition(";")[0]
        try:
            size = int(digits, 16)
        except ValueError as error:
            raise S3Error("InvalidRequest", f"an aws-chunked frame has no size but {digits!r}") from error
        if not size:
            break
        yield from plain_chunks(reader, size)
        if _frame_line(reader):
            raise S3Error("InvalidRequest", "an aws-chunked frame is longer than it says")
    for _ in range(MAX_TRAILERS):
        if not reader.peek(1) or not (line := _frame_line(reader)):
            return
        name, _, value = line.partition(":")
        trailers[name.strip().lower()] = value.strip()


def _announced_length(headers: Mapping[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length")
    if text is None:
        raise S3Error("MissingContentLength", "an upload has to announce its length in Content-Length")
    length = parse_number("the announced length", text)
    if length > MAX_UPLOAD_BYTES:
        raise S3Error("EntityTooLarge", f"one request carries at most {MAX_UPLOAD_BYTES} bytes; use a multipart upload")
    return length


def _check_digest(header: str, announced: str, digest: bytes) -> None:
    """Compare what the client announced (base64; a payload's SHA-256 in hex) with what arrived."""
    if header == "x-amz-content-sha256":
        if announced != digest.hex():
            raise S3Error("XAmzContentSHA256Mismatch", f"{header} says {announced}, the body has {digest.hex()}")
        return
    try:
        expected = base64.b64decode(announced, validate=True)
    except ValueError:
        expected = b""
    if len(expected) != len(digest):
        raise S3Error("InvalidDigest", f"{header} {announced!r} is not such a checksum in base64")
    if expected != digest:
        arrived = base64.b64encode(digest).decode()
        raise S3Error("BadDigest", f"{header} says {announced}, the body that arrived has {arrived}")


def write_hashed(chunks: Iterable[bytes], target: BinaryIO, hashes: Iterable[Any], length: int) -> None:
    """Write the chunks, feed them to the hashes, and raise IncompleteBody when they are not `length` bytes."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > length:
            break
        target.write(chunk)
        for running in hashes:
            running.update(chunk)
    if size != length:
        raise S3Error("IncompleteBody", f"{length} bytes were announced, {size} or more arrived")


def receive(request: Request, target: BinaryIO) -> tuple[str, dict[str, str]]:
    """Write a request's body to the target, and raise S3Error unless length and every announced checksum are right.

    Return the MD5 in hex, and the other checksums that the client sent by their header.
    """
    headers, trailers = request.headers, dict[str, str]()
    length = _announced_length(headers)
    encoding, sha256 = headers.get("content-encoding", ""), headers.get("x-amz-content-sha256", "")
    is_framed = sha256.startswith("STREAMING-") or "aws-chunked" in encoding
    chunks = framed_chunks(request.stream, trailers) if is_framed else plain_chunks(request.stream, length)
    hashes: dict[str, Any] = {"content-md5": hashlib.md5(usedforsecurity=False)}
    announced = set(headers) | {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")}
    hashes |= {header: make() for header, make in CHECKSUMS.items() if header in announced}
    if len(sha256) == hashlib.sha256().digest_size * 2:
        hashes["x-amz-content-sha256"] = hashlib.sha256()
    write_hashed(chunks, target, hashes.values(), length)
    sent = {**headers, **trailers}
    for header, running in hashes.items():
        if header in sent:
            _check_digest(header, sent[header], running.digest())
    proven = {header: sent[header] for header in CHECKSUMS if header in hashes and header in sent}
    return hashes["content-md5"].hexdigest(), proven
