"""Folder of the buckets: what lies where, who may write, and what one process has to remember."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from local_aws.s3.files.catalog import Catalog, FileVersion
from local_aws.s3.files.paths import MAX_KEY_BYTES, ObjectPathError, check_key, is_bucket_name
from local_aws.s3.files.walk import BucketWalk
from local_aws.s3.protocol.errors import NoSuchBucketError, S3Error

OWN_FOLDER = ".local_aws"
"""A folder next to the buckets. No bucket can have its name, and its files can be renamed into any bucket."""
LOCKS = 256

Scratch = tuple[Path, BinaryIO]
"""A file that is being written where no reader looks."""


class RootInUseError(Exception):
    """An error because another endpoint serves the same root. Two endpoints would not see each other's locks."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"{root} is served by another endpoint that runs; stop that one, or name another --root")


@dataclass(frozen=True, slots=True)
class Change:
    """An object that came or went. The names of the fields are those that moto asks for."""

    event: str
    """For example `s3:ObjectCreated:Put`."""
    bucket: str
    name: str
    size: int = 0
    etag: str = ""
    version_id: str | None = None


class ObjectStore:
    """The folders, the catalog, the locks and the clock that readers, writers and uploads share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        own = root / OWN_FOLDER
        self.incoming, self.uploads = own / "incoming", own / "uploads"
        self.uploads.mkdir(parents=True, exist_ok=True)
        self._lock_file = (own / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock_file.close()
            raise RootInUseError(root) from error
        shutil.rmtree(self.incoming, ignore_errors=True)  # an endpoint that was killed leaves half of an upload
        self.incoming.mkdir()
        self.catalog = Catalog(own / "objects.sqlite")
        self._forget_replaced_files()
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._clock_lock, self._last_ns = threading.Lock(), 0
        self.notify: Callable[[Change], None] = lambda change: None

    def _forget_replaced_files(self) -> None:
        """Forget versions that other programs have replaced: the catalog has a row for every version that it met."""
        for bucket in self.bucket_names():
            rows = self.catalog.versions_of(bucket)
            self.catalog.forget_versions(bucket, [row for row in rows if not self._is_current(bucket, *row)])

    def _is_current(self, bucket: str, key: str, version: FileVersion) -> bool:
        path = self.root / bucket / key
        try:
            return path.is_dir() if key.endswith("/") else FileVersion.of(path.stat()) == version
        except (FileNotFoundError, NotADirectoryError):
            return False

    def close(self) -> None:
        self.catalog.close()
        self._lock_file.close()

    def bucket_names(self) -> list[str]:
        return sorted(entry.name for entry in os.scandir(self.root) if is_bucket_name(entry.name) and entry.is_dir())

    def find_bucket(self, bucket: str) -> Path:
        """Return the path of a bucket, and raise NoSuchBucketError when there is none."""
        path = self.root / bucket
        if not (is_bucket_name(bucket) and path.is_dir()):
            raise NoSuchBucketError(bucket)
        return path

    def object_path(self, bucket: str, key: str) -> Path:
        """Return where an object lies or would lie, whether or not it and its bucket exist."""
        if not is_bucket_name(bucket):
            raise NoSuchBucketError(bucket)
        try:
            check_key(key)
        except ObjectPathError as error:
            is_too_long = len(key.encode()) > MAX_KEY_BYTES
            raise S3Error("KeyTooLongError" if is_too_long else "InvalidURI", str(error)) from error
        return self.root / bucket / key

    def walk(self, bucket: str) -> BucketWalk:
        return BucketWalk(str(self.find_bucket(bucket)), self.catalog.folder_markers(bucket))

    def lock(self, bucket: str, key: str) -> threading.Lock:
        """Return the lock that is held while an object is replaced or deleted. Objects may share one."""
        return self._locks[hash((bucket, key)) % LOCKS]

    def next_ns(self) -> int:
        """Return the time, never the same twice, so that two versions of an object never look the same."""
        with self._clock_lock:
            self._last_ns = max(self._last_ns + 1, time.time_ns())
            return self._last_ns

    @contextmanager
    def scratch_file(self) -> Iterator[Scratch]:
        """Make a new file outside of all buckets, and delete it at the end if it was not renamed."""
        path = self.incoming / uuid.uuid4().hex
        try:
            with path.open("wb") as scratch:
                yield path, scratch
        finally:
            path.unlink(missing_ok=True)
