"""Folder of the buckets: what lies where, who may write, and what one process has to remember."""

import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from local_aws.s3.files.catalog import Catalog, FileVersion
from local_aws.s3.files.paths import check_key, file_name, is_bucket_name, is_hidden
from local_aws.s3.protocol.errors import S3Error

OWN_FOLDER = ".local_aws"
"""A folder next to the buckets. No bucket can have its name, and its files can be renamed into any bucket."""
LOCKS = 256


class RootInUseError(Exception):
    """An error because another endpoint serves the same root. Two endpoints would not see each other's locks."""


class ObjectStore:
    """The folders, the catalog, the locks and the clock that readers, writers and uploads share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        own = root / OWN_FOLDER
        self.incoming, self.uploads = own / "incoming", own / "uploads"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.uploads.mkdir(parents=True, exist_ok=True)
        self._real_root = f"{os.path.realpath(root)}/"
        self._lock_file = (own / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock_file.close()
            message = f"{root} is served by another endpoint that runs; stop that one, or name another --root"
            raise RootInUseError(message) from error
        shutil.rmtree(self.incoming, ignore_errors=True)  # an endpoint that was killed leaves half of an upload
        self.incoming.mkdir()
        self.catalog = Catalog(own / "objects.sqlite")
        # The catalog has a row for every version that it met, also for those that other programs have replaced.
        self.catalog.forget_unless(lambda bucket, key, *version: self.version(bucket, key) == version)
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self.folders = threading.Lock()
        """It is held while a file is placed in its folder, and while empty folders are removed."""
        self._clock_lock, self._last_ns = threading.Lock(), 0
        self.notify: Callable[[str, str, str, int, str], None] = lambda event, bucket, key, size, etag: None

    def close(self) -> None:
        self.catalog.close()
        self._lock_file.close()

    def bucket_names(self) -> list[str]:
        folders = (entry.name for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False))
        return sorted(filter(is_bucket_name, folders))

    def find_bucket(self, bucket: str) -> Path:
        """Return the path of a bucket, and raise NoSuchBucket when there is none. A link to a folder is none."""
        path = f"{self.root}/{bucket}"
        if not is_bucket_name(bucket) or os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114
            message = f"there is no bucket {bucket!r}: no folder of that name below the endpoint's root"
            raise S3Error("NoSuchBucket", message)
        return Path(path)

    def object_path(self, bucket: str, key: str) -> Path:
        """Return where an object lies or would lie, whether or not it and its bucket exist."""
        check_key(key)
        if not is_bucket_name(bucket):
            self.find_bucket(bucket)
        return Path(f"{self.root}/{bucket}/{file_name(key)}")

    def writable_path(self, bucket: str, key: str) -> Path:
        """Return where an object may be written, and raise S3Error where it may not."""
        bucket_path = str(self.find_bucket(bucket))
        path = self.object_path(bucket, key)
        if is_hidden(key):
            message = f"{key!r} is a name of Hadoop's scratch files, which are not shown as objects; choose another"
            raise S3Error("InvalidArgument", message)
        # Most keys have no link on their way: to look for one takes a quarter of the time of os.path.realpath.
        folders = [f"{bucket_path}/{key[:end]}" for end, character in enumerate(key) if character == "/"]
        if any(map(os.path.islink, folders)) and not self.is_inside(os.path.realpath(path.parent)):
            raise S3Error("AccessDenied", f"a folder of {key!r} is a link that leads out of the endpoint's root")
        return path

    def is_inside(self, real_path: str) -> bool:
        """Return whether links may lead to a real path: to what lies below the root, but not to the endpoint's own."""
        return real_path.startswith(self._real_root) and not real_path.startswith(f"{self._real_root}{OWN_FOLDER}")

    def version(self, bucket: str, key: str) -> FileVersion | None:
        """Return the version of an object that a walk has found, or None when it has gone since."""
        try:
            return FileVersion.of(os.stat(f"{self.root}/{bucket}/{file_name(key)}"))  # noqa: PTH116, half the time
        except OSError:
            return None

    def lock(self, bucket: str, key: str) -> threading.Lock:
        """Return the lock that is held while an object is replaced or deleted. Objects may share one."""
        return self._locks[hash((bucket, key)) % LOCKS]

    def next_ns(self) -> int:
        """Return the time, never the same twice, so that two versions of an object never look the same."""
        with self._clock_lock:
            self._last_ns = max(self._last_ns + 1, time.time_ns())
            return self._last_ns

    @contextmanager
    def scratch_file(self) -> Iterator[BinaryIO]:
        """Make a new file outside of all buckets, and delete it at the end if it was not renamed."""
        path = self.incoming / uuid.uuid4().hex
        try:
            with path.open("wb") as scratch:
                yield scratch
        finally:
            path.unlink(missing_ok=True)
