"""Objects as they are on disk at this moment, with the facts that are known about them."""

import hashlib
import mimetypes
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.paths import is_hidden
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.protocol.errors import S3Error

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
SETTLED_NS = 100_000_000
"""A file that changed later than this may change again within one tick of the disk's clock: its ETag is not kept."""

Described = tuple[str, FileVersion, ObjectFacts]
"""An object in a listing: its key, and what is known of it."""

# One thread per core: hashing releases the interpreter's lock.
_hashers = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="etag")
SMALL_BYTES = 100_000
"""Files smaller than this on average are hashed one by one: at 5 kB threads take 0.27 ms a file, and one takes 0.11."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object and its open file, which stays the same whatever happens to its name."""

    key: str
    version: FileVersion
    facts: ObjectFacts
    file: FileIO

    @property
    def content_type(self) -> str:
        """The type that was uploaded; for a plain file, a guess from its name, as `aws s3 cp` makes it."""
        return self.facts.headers.get("Content-Type") or mimetypes.guess_type(self.key)[0] or DEFAULT_CONTENT_TYPE

    def close(self) -> None:
        self.file.close()


def _open_file(store: ObjectStore, path: Path) -> FileIO | None:
    """Return the file if it is a plain file that exists below the root."""
    try:
        # Without O_NONBLOCK a named pipe would wait here for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    # The kernel knows where the links led: asking it takes 4 us, and os.path.realpath would take 30.
    is_inside = store.is_inside(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    if not is_inside or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return FileIO(descriptor, "rb")


def _facts_of_bytes(store: ObjectStore, bucket: str, key: str, file: FileIO, version: FileVersion) -> ObjectFacts:
    facts = ObjectFacts(hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest())
    file.seek(0)
    is_settled = time.time_ns() - version.mtime_ns > SETTLED_NS
    if is_settled and FileVersion.of(os.fstat(file.fileno())) == version:
        store.catalog.record(bucket, key, version, facts, keep=True)
    return facts


def find_object(store: ObjectStore, bucket: str, key: str) -> StoredObject | None:
    """Return the object, which the caller closes, or None. The bucket has to exist."""
    path = store.object_path(bucket, key)
    while not is_hidden(key) and (file := _open_file(store, path)):
        version = FileVersion.of(os.fstat(file.fileno()))
        facts = store.catalog.find(bucket, [key]).get((key, version))
        # If the file is not the object any more, its facts may be forgotten, and it is not a plain file.
        if facts is None and store.version(bucket, key) == version:
            facts = _facts_of_bytes(store, bucket, key, file, version)
        if facts is not None:
            return StoredObject(key, version, facts, file)
        file.close()
    return None


def open_object(store: ObjectStore, bucket: str, key: str) -> StoredObject:
    """Return the object, which the caller closes, and raise S3Error when there is none."""
    found = find_object(store, bucket, key)
    if found is None:
        store.find_bucket(bucket)
        raise S3Error("NoSuchKey", f"there is no object {key!r} in the bucket {bucket!r}")
    return found


def describe(store: ObjectStore, bucket: str, seen: Sequence[tuple[str, FileVersion]]) -> list[Described]:
    """List objects in the given order, without those that have gone since they were found."""
    known = store.catalog.find(bucket, [key for key, _ in seen])

    def described(item: tuple[str, FileVersion]) -> Described | None:
        if item in known:
            return *item, known[item]
        if found := find_object(store, bucket, item[0]):
            found.close()
        return (found.key, found.version, found.facts) if found else None

    to_hash = [version.size for key, version in seen if (key, version) not in known]
    mapped = _hashers.map if sum(to_hash) > SMALL_BYTES * len(to_hash) else map
    return [found for found in mapped(described, seen) if found]
