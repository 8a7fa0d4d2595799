"""One page of a bucket's listing."""

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
    prefix: str
    delimiter: str
    after: str
    """Items up to this one, and below it if it is a common prefix, were on earlier pages."""
    max_keys: int


@dataclass(slots=True)
class Page:
    objects: list[ObjectSummary] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    last: str = ""
    """The last key or common prefix on this page, if there are more."""
    is_truncated: bool = False


def _common_prefix(key: str, query: Query) -> str:
    cut = key.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
    return key[: cut + len(query.delimiter)] if cut >= 0 else ""


def _can_have_keys(prefix: str) -> bool:
    """Raises for a prefix that leads out of the bucket; others that no key can have merely find nothing."""
    folder_key, slash, _ = prefix.rpartition("/")
    if ".." in folder_key.split("/"):
        raise S3Error("InvalidURI", f"the prefix {prefix!r} leads out of the bucket's folder")
    try:
        check_key(folder_key + slash if slash else "any")
    except ObjectPathError:
        return False
    return True


def list_page(store: ObjectStore, bucket: str, query: Query) -> Page:
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


def is_common_prefix(key: str, prefix: str, delimiter: str) -> bool:
    return bool(delimiter) and key.endswith(delimiter) and len(key) > len(prefix) and key.startswith(prefix)


def after_marker(marker: str, prefix: str, delimiter: str) -> str:
    """Where a listing goes on: behind a key, or behind all keys that a common prefix stands for."""
    return marker + AFTER_ALL if is_common_prefix(marker, prefix, delimiter) else marker


def encode_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def decode_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise S3Error("InvalidArgument", f"the continuation token {token!r} is none of this endpoint's") from error
