"""Conditions and ranges of a read (RFC 9110, sections 13 and 14)."""

from collections.abc import Mapping
from datetime import UTC, datetime

from werkzeug.http import parse_date, parse_etags, parse_range_header

from local_aws.s3.protocol.errors import PreconditionFailedError, S3Error


def check_version(version_id: str) -> None:
    """Raise NoSuchVersion for every version but `null`: buckets keep no versions, and the only one has that name."""
    if version_id != "null":
        raise S3Error("NoSuchVersion", "the buckets here keep no versions of their objects")


def is_unchanged(headers: Mapping[str, str], etag: str, mtime_ns: int, source: str = "") -> bool:
    """Return whether the answer is 304, and raise PreconditionFailedError when it is 412.

    `source` is put before the headers' names: a copy asks about its source by `x-amz-copy-source-if-match`.
    RFC 9110 says to ignore what is no date.
    """
    modified = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    match, none_match = headers.get(f"{source}if-match"), headers.get(f"{source}if-none-match")
    limit = parse_date(headers.get(f"{source}if-unmodified-since"))
    if match is not None:
        if not parse_etags(match).contains_weak(etag):
            raise PreconditionFailedError(f"If-Match: {match}")
    elif limit is not None and modified > limit:
        raise PreconditionFailedError(f"If-Unmodified-Since: {headers[f'{source}if-unmodified-since']}")
    if none_match is not None:
        return parse_etags(none_match).contains_weak(etag)
    since = parse_date(headers.get(f"{source}if-modified-since"))
    return since is not None and modified <= since


def parse_range(header: str, size: int) -> range | None:
    """Return the bytes that a Range header names, or None when S3 ignores the header and answers with all of them.

    >>> parse_range("bytes=2-4", size=10), parse_range("bytes=-4", size=3), parse_range("bytes=4-2", size=10)
    (range(2, 5), range(0, 3), None)
    """
    asked = parse_range_header(header)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    first, stop = asked.ranges[0]
    if first < 0:
        first = max(first + size, 0)
    if first >= size:
        raise S3Error("InvalidRange", f"{header} begins after the object's {size} bytes")
    return range(first, min(stop or size, size))
