"""Conditions and ranges of a read (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from local_aws.s3.protocol.errors import PreconditionFailedError, S3Error

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _names_etag(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in (tag.strip().removeprefix("W/").strip('"') for tag in header.split(","))


def _seconds(date: str) -> float | None:
    """None for what is no date, which RFC 9110 says to ignore."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def is_unchanged(headers: Mapping[str, str], etag: str, mtime_ns: int, source: str = "") -> bool:
    """Whether the answer is 304; raises PreconditionFailedError when it is 412.

    `source` is put before the headers' names: a copy asks about its source by `x-amz-copy-source-if-match`.
    """
    modified = mtime_ns // 1_000_000_000
    match, none_match = headers.get(f"{source}if-match"), headers.get(f"{source}if-none-match")
    if match is not None:
        if not _names_etag(match, etag):
            raise PreconditionFailedError(f"If-Match: {match}")
    elif (limit := _seconds(headers.get(f"{source}if-unmodified-since", ""))) is not None and modified > limit:
        raise PreconditionFailedError(f"If-Unmodified-Since: {headers[f'{source}if-unmodified-since']}")
    if none_match is not None:
        return _names_etag(none_match, etag)
    since = _seconds(headers.get(f"{source}if-modified-since", ""))
    return since is not None and modified <= since


def parse_range(header: str, size: int) -> range | None:
    """The bytes of a Range header; None if it is none that S3 follows, which means all of them."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        return None
    if match[1]:
        first, last = int(match[1]), int(match[2]) if match[2] else size - 1
        if match[2] and last < first:
            return None
    else:
        first, last = max(size - int(match[2]), 0), size - 1
    if first >= size:
        raise S3Error("InvalidRange", f"{header} begins behind the object's {size} bytes")
    return range(first, min(last + 1, size))
