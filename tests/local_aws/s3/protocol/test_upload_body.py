"""Uploads in aws-chunked encoding, as the Java and Go SDKs and the command line send them."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local_aws.s3.protocol.errors import S3Error, as_s3_error
from local_aws.s3.protocol.messages import Request
from local_aws.s3.protocol.upload_body import receive

CONTENT = bytes(range(256)) * 300
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode()


class SlowStream(io.RawIOBase):
    """Gives at most a few bytes at a time, as a connection may."""

    def __init__(self, content: bytes, at_once: int) -> None:
        self.content, self.at_once = io.BytesIO(content), at_once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.content.read(min(len(buffer), self.at_once))
        buffer[: len(piece)] = piece
        return len(piece)


def upload(body: bytes, headers: Mapping[str, str], at_once: int = 1 << 20) -> Request:
    stream: Any = SlowStream(body, at_once)
    return Request("PUT", "fruits", "a", {}, headers, stream)


def received(body: bytes, headers: Mapping[str, str], at_once: int = 1 << 20) -> tuple[bytes, str, dict[str, str]]:
    """The bytes, their MD5 and the checksums that were proven."""
    target = io.BytesIO()
    md5, checksums = receive(upload(body, headers, at_once), target)
    return target.getvalue(), md5, checksums


def framed(content: bytes, frame_bytes: int, extension: str = "", trailers: str = "") -> bytes:
    frames = [content[start : start + frame_bytes] for start in range(0, len(content), frame_bytes)]
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(frame), extension.encode(), frame) for frame in frames)
    return body + b"0%s\r\n%s\r\n" % (extension.encode(), trailers.encode())


SIGNED = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
UNSIGNED = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32"}
LENGTH = {"x-amz-decoded-content-length": str(len(CONTENT))}


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
@pytest.mark.parametrize("frame_bytes", [1000, 8192, 1 << 20])
def test_frames_are_taken_away(frame_bytes: int, at_once: int) -> None:
    body = framed(CONTENT, frame_bytes, extension=";chunk-signature=" + "0" * 64)
    assert received(body, SIGNED | LENGTH, at_once) == (CONTENT, hashlib.md5(CONTENT).hexdigest(), {})


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_a_checksum_that_trails_is_checked_and_kept(at_once: int) -> None:
    body = framed(CONTENT, 8192, trailers=f"x-amz-checksum-crc32:{CRC32}\r\n")
    content, _, checksums = received(body, UNSIGNED | LENGTH, at_once)
    assert (content, checksums) == (CONTENT, {"x-amz-checksum-crc32": CRC32})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (framed(CONTENT, 8192, trailers="x-amz-checksum-crc32:AAAAAA==\r\n"), "BadDigest"),
        (framed(CONTENT, 8192)[:-100], "IncompleteBody"),
        (framed(CONTENT[:-1], 8192), "IncompleteBody"),
        (b"not hexadecimal\r\n", "InvalidRequest"),
        (b"3\r\nfour\r\n0\r\n\r\n", "InvalidRequest"),
        (b"x" * 5000, "InvalidRequest"),
        (b"", "IncompleteBody"),
    ],
)
def test_frames_that_do_not_hold_what_they_say_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as failure:
        received(body, UNSIGNED | LENGTH)
    assert failure.value.code == code


def test_frames_that_never_end_are_refused_where_the_announced_length_ends() -> None:
    target = io.BytesIO()
    with pytest.raises(S3Error) as failure:
        receive(upload(framed(CONTENT * 100, 8192), UNSIGNED | LENGTH), target)
    assert failure.value.code == "IncompleteBody"
    assert len(target.getvalue()) <= len(CONTENT)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MissingContentLength"),
        ({"content-length": "-1"}, "InvalidArgument"),
        ({"content-length": "9" * 5000}, "InvalidArgument"),
        ({"content-length": str(len(CONTENT) + 1)}, "IncompleteBody"),
        ({"content-length": str((5 << 30) + 1)}, "EntityTooLarge"),
    ],
)
def test_a_wrong_length_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(S3Error) as failure:
        received(CONTENT, headers)
    assert failure.value.code == code


def test_a_full_disk_is_an_error_that_says_what_to_do() -> None:
    request = upload(CONTENT, {"content-length": str(len(CONTENT))})
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left") as failure:
        receive(request, full)
    error = as_s3_error(failure.value)
    assert (error.code, error.status) == ("InsufficientStorage", 507)
    assert "make room on the disk of the endpoint's root" in str(error)
