"""Objects as they are on disk at this moment, with the facts that are known about them."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.paths import is_hidden
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.protocol.errors import NoSuchKeyError

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
SETTLED_NS = 100_000_000
"""A file that changed later than this may change again within one tick of the disk's clock: its ETag is not kept."""

# One thread per core: hashing releases the interpreter's lock.
_hashers = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="etag")


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object and its open file, which stays the same whatever happens to its name."""

    key: str
    version: FileVersion
    facts: ObjectFacts
    file: FileIO | None
    """None for the marker of a folder, which holds no bytes."""

    @property
    def content_type(self) -> str:
        """The type that was uploaded; for a plain file, a guess from its name, as `aws s3 cp` makes it."""
        return self.facts.headers.get("Content-Type") or mimetypes.guess_type(self.key)[0] or DEFAULT_CONTENT_TYPE

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """The facts about an object that a listing shows."""

    key: str
    version: FileVersion
    etag: str


def _is_settled(version: FileVersion) -> bool:
    return time.time_ns() - version.mtime_ns > SETTLED_NS


def _open_file(path: Path) -> FileIO | None:
    """Return the file if it is a plain file that exists."""
    try:
        # Without O_NONBLOCK a named pipe would wait here for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return FileIO(descriptor, "rb")


def _hash_file(file: FileIO) -> str:
    digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    file.seek(0)
    return digest


def _read_facts(store: ObjectStore, bucket: str, key: str, file: FileIO) -> OpenObject | None:
    """Return the object, or None when the file is not the object any more and its facts may be forgotten."""
    version = FileVersion.of(os.fstat(file.fileno()))
    facts = store.catalog.find(bucket, key, version)
    if facts is None:
        if find_version(store, bucket, key) != version:
            return None
        facts = ObjectFacts(_hash_file(file))
        if _is_settled(version) and FileVersion.of(os.fstat(file.fileno())) == version:
            store.catalog.record_etag(bucket, key, version, facts.etag)
    return OpenObject(key, version, facts, file)


def _find_marker(store: ObjectStore, bucket: str, key: str) -> OpenObject | None:
    mtime_ns = store.catalog.folder_markers(bucket).get(key)
    if mtime_ns is None or not store.object_path(bucket, key).is_dir():
        return None
    version = FileVersion(0, mtime_ns)
    facts = store.catalog.find(bucket, key, version)
    return OpenObject(key, version, facts, None) if facts else None


def find_object(store: ObjectStore, bucket: str, key: str) -> OpenObject | None:
    """Return the object, which the caller closes, or None. The bucket has to exist."""
    path = store.object_path(bucket, key)
    if key.endswith("/"):
        return _find_marker(store, bucket, key)
    while not is_hidden(key) and (file := _open_file(path)):
        found = None
        try:
            found = _read_facts(store, bucket, key, file)
        finally:
            if found is None:
                file.close()
        if found is not None:
            return found
    return None


def open_object(store: ObjectStore, bucket: str, key: str) -> OpenObject:
    """Return the object, which the caller closes, and raise NoSuchBucketError or NoSuchKeyError when there is none."""
    found = find_object(store, bucket, key)
    if found is None:
        store.find_bucket(bucket)
        raise NoSuchKeyError(bucket, key)
    return found


@contextmanager
def opened(store: ObjectStore, bucket: str, key: str) -> Iterator[OpenObject]:
    found = open_object(store, bucket, key)
    try:
        yield found
    finally:
        found.close()


def find_version(store: ObjectStore, bucket: str, key: str) -> FileVersion | None:
    """Return the version of a key that a walk has found, or None when it has gone since."""
    if key.endswith("/"):
        mtime_ns = store.catalog.folder_markers(bucket).get(key)
        return None if mtime_ns is None else FileVersion(0, mtime_ns)
    try:
        return FileVersion.of((store.root / bucket / key).stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def describe(store: ObjectStore, bucket: str, seen: Sequence[tuple[str, FileVersion]]) -> list[ObjectSummary]:
    """List objects with their ETags in the given order, without those that have gone since they were found."""
    known = store.catalog.find_etags(bucket, [key for key, _ in seen])

    def summary(item: tuple[str, FileVersion]) -> ObjectSummary | None:
        etag = known.get(item)
        return ObjectSummary(*item, etag) if etag is not None else _describe_again(store, bucket, item[0])

    is_all_known = all(item in known for item in seen)
    return [found for found in (map(summary, seen) if is_all_known else _hashers.map(summary, seen)) if found]


def _describe_again(store: ObjectStore, bucket: str, key: str) -> ObjectSummary | None:
    found = find_object(store, bucket, key)
    if found is None:
        return None
    found.close()
    return ObjectSummary(key, found.version, found.facts.etag)
