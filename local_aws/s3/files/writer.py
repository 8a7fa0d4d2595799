"""Writer of objects: they come and go whole, by a rename, and only if the writer's condition holds at that moment."""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.paths import MAX_NAME_BYTES, is_hidden
from local_aws.s3.files.store import ObjectStore
from local_aws.s3.files.stored_object import open_object
from local_aws.s3.protocol.errors import PreconditionFailedError, S3Error


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """The condition of a write or a deletion."""

    if_match: str | None = None
    """An ETag without quotes, or `*` for any object."""
    if_none_match: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "WriteCondition":
        none_match = headers.get("if-none-match")
        if none_match not in (None, "*"):
            raise S3Error("NotImplemented", "If-None-Match of a write can only be *, as on S3")
        match = headers.get("if-match")
        return cls(None if match is None else match.strip('"'), none_match == "*")


UNCONDITIONAL = WriteCondition()


def publish(
    store: ObjectStore, bucket: str, key: str, scratch: BinaryIO, facts: ObjectFacts, condition: WriteCondition, by: str
) -> FileVersion:
    """Make a scratch file the object in one step for every reader. Notifications say `by` which operation."""
    scratch.flush()
    now_ns = store.next_ns()
    os.utime(scratch.fileno(), ns=(now_ns, now_ns))
    version = FileVersion.of(os.fstat(scratch.fileno()))
    if condition != UNCONDITIONAL:
        # A power cut must not leave a pointer or a lock empty. Other writes do without: fsync takes about 10 ms where
        # the whole write of 100 KB takes 0.5, and what they were a part of is run again.
        os.fsync(scratch.fileno())
    with store.lock(bucket, key):
        _check(store, bucket, key, condition)
        # The facts come first, so that no reader can find the new file without them. If the write fails, they fit no
        # file, and the next write of the object or the next start forgets them.
        store.catalog.record(bucket, key, version, facts)
        _place(store, bucket, key, Path(scratch.name), condition)
        store.catalog.forget_others(bucket, key, version)
    store.notify(f"s3:ObjectCreated:{by}", bucket, key, version.size, facts.etag)
    return version


def _check(store: ObjectStore, bucket: str, key: str, condition: WriteCondition) -> None:
    if condition.if_none_match and store.object_path(bucket, key).is_file():
        raise PreconditionFailedError("If-None-Match: *")
    if condition.if_match is not None:
        with closing(open_object(store, bucket, key)) as current:
            if condition.if_match not in ("*", current.facts.etag):
                raise PreconditionFailedError(f'If-Match: "{condition.if_match}"')


def _place(store: ObjectStore, bucket: str, key: str, scratch_path: Path, condition: WriteCondition) -> None:
    with store.folders:
        path = store.writable_path(bucket, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            message = f"a folder on the way to {key!r} is an object; on a disk, one name cannot be both: rename one"
            raise S3Error("ParentIsObject", message) from error
        try:
            if path.is_dir():
                path.rmdir()
        except OSError as error:
            message = f"{key!r} is a folder with objects in it; on a disk, one name cannot be both: rename one"
            raise S3Error("ObjectExistsAsFolder", message) from error
        try:
            if condition.if_none_match:
                path.hardlink_to(scratch_path)  # unlike a rename, it fails when the name is taken
            else:
                scratch_path.replace(path)
        except FileExistsError as error:
            raise PreconditionFailedError("If-None-Match: *") from error
    _unlink_checksum(path)
    if condition != UNCONDITIONAL:
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)  # until then, a power cut takes the name away again
        os.close(folder)


def _unlink_checksum(path: Path) -> None:
    """Delete Hadoop's checksum of the old bytes, which Hadoop would compare with the new ones."""
    checksum_path = path.with_name(f".{path.name}.crc")
    if len(os.fsencode(checksum_path.name)) <= MAX_NAME_BYTES:
        checksum_path.unlink(missing_ok=True)


def delete_object(store: ObjectStore, bucket: str, key: str, condition: WriteCondition = UNCONDITIONAL) -> None:
    """Delete an object. It is no error when there is none."""
    bucket_path = store.find_bucket(bucket)
    if is_hidden(key):
        return
    path = store.writable_path(bucket, key)
    with store.lock(bucket, key):
        _check(store, bucket, key, condition)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return
        _unlink_checksum(path)
        store.catalog.forget_others(bucket, key, None)
        _remove_empty_folders(store, path.parent, bucket_path)
    store.notify("s3:ObjectRemoved:Delete", bucket, key, 0, "")


def _remove_empty_folders(store: ObjectStore, folder: Path, bucket_path: Path) -> None:
    """Remove the folders that have become empty: S3 has none."""
    with store.folders:
        while folder != bucket_path:
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone already
                return
            folder = folder.parent
