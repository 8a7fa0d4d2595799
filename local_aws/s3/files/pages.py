"""Pages of a bucket's listing."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from local_aws.s3.files.catalog import FileVersion
from local_aws.s3.files.paths import ObjectPathError, check_key
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import ObjectSummary, describe, find_version
from local_aws.s3.files.walk import AFTER_ALL
from local_aws.s3.protocol.errors import S3Error

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """The keys that one page is asked for."""

    prefix: str
    delimiter: str
    after: str
    """Earlier pages had the items up to this one, and what lies below it when it is a common prefix."""
    max_keys: int


@dataclass(slots=True)
class Page:
    """The objects and common prefixes of one page."""

    objects: list[ObjectSummary] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    last: str = ""
    """The last key or common prefix on this page."""
    is_truncated: bool = False


def _common_prefix(key: str, query: Query) -> str:
    cut = key.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
    return key[: cut + len(query.delimiter)] if cut >= 0 else ""


def _can_have_keys(prefix: str) -> bool:
    """Return whether a key can have the prefix, and raise S3Error for a prefix that leads out of the bucket."""
    folder_key, slash, _ = prefix.rpartition("/")
    if ".." in folder_key.split("/"):
        raise S3Error("InvalidURI", f"the prefix {prefix!r} leads out of the bucket's folder")
    try:
        check_key(folder_key + slash if slash else "any")
    except ObjectPathError:
        return False
    return True


def list_page(store: ObjectStore, bucket: str, query: Query) -> Page:
    """Return the next page of a bucket's listing."""
    walk = store.walk(bucket)
    page = Page()
    if query.max_keys == 0 or not _can_have_keys(query.prefix):
        return page
    seen: list[tuple[str, FileVersion]] = []
    for key in walk.keys(query.prefix, query.after, fold=query.delimiter == "/"):
        common = _common_prefix(key, query)
        if common and page.common_prefixes[-1:] == [common]:
            continue
        version = None if common else find_version(store, bucket, key)
        if not common and version is None:
            continue
        if len(seen) + len(page.common_prefixes) == query.max_keys:
            page.is_truncated = True
            break
        page.last = common or key
        if common:
            page.common_prefixes.append(common)
        elif version is not None:
            seen.append((key, version))
    page.objects = describe(store, bucket, seen)
    return page


def after_marker(marker: str, prefix: str, delimiter: str) -> str:
    """Return where a listing goes on: after a key, or after all keys that a common prefix stands for."""
    is_common_prefix = delimiter and marker.endswith(delimiter) and marker.startswith(prefix) and marker != prefix
    return marker + AFTER_ALL if is_common_prefix else marker


def encode_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def decode_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise S3Error(
            "InvalidArgument",
            f"the continuation token {token!r} is not from this endpoint; list again without it",
        ) from error
