"""Writer of objects: they come and go whole, by a rename, and only if the writer's condition holds at that moment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.paths import MAX_NAME_BYTES, is_hidden
from local_aws.s3.files.store import Change, ObjectStore, Scratch
from local_aws.s3.files.stored_object import find_object
from local_aws.s3.protocol.errors import NoSuchKeyError, PreconditionFailedError, S3Error

ATTEMPTS = 20
"""How often to try to place a file while others delete its empty folder."""


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """The condition of a write or a deletion."""

    if_match: str | None = None
    """An ETag without quotes, or `*` for any object."""
    if_none_match: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> WriteCondition:
        none_match = headers.get("if-none-match")
        if none_match not in (None, "*"):
            raise S3Error("NotImplemented", "If-None-Match of a write can only be *, as on S3")
        match = headers.get("if-match")
        return cls(None if match is None else match.strip('"'), none_match == "*")


def check_writable(store: ObjectStore, bucket: str, key: str, condition: WriteCondition = WriteCondition()) -> None:
    """Raise S3Error for an object that cannot be written, before any byte of it is received."""
    if key.endswith("/") and condition != WriteCondition():
        raise S3Error("NotImplemented", "the marker of a folder can only be written without conditions")
    store.find_bucket(bucket)
    store.object_path(bucket, key)
    if is_hidden(key):
        message = f"{key!r} is a name of Hadoop's scratch files, which are not shown as objects; choose another"
        raise S3Error("InvalidArgument", message)


def write_hashed(chunks: Iterable[bytes], target: BinaryIO) -> str:
    """Write the chunks, and return their MD5 in hex."""
    md5 = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        target.write(chunk)
        md5.update(chunk)
    return md5.hexdigest()


def publish(
    store: ObjectStore,
    bucket: str,
    key: str,
    scratch: Scratch,
    facts: ObjectFacts,
    condition: WriteCondition,
    how: str = "Put",
) -> FileVersion:
    """Make a scratch file the object in one step for every reader; notifications name `how` it was made."""
    scratch_path, scratch_file = scratch
    scratch_file.flush()
    if key.endswith("/"):
        return _put_folder_marker(store, bucket, key, scratch_path.stat().st_size, facts, how)
    now_ns = store.next_ns()
    os.utime(scratch_path, ns=(now_ns, now_ns))
    version = FileVersion.of(scratch_path.stat())
    with store.lock(bucket, key):
        _check_match(store, bucket, key, condition)
        # The facts come first, so that no reader can find the new file without them.
        store.catalog.record(bucket, key, version, facts)
        try:
            _place(store, bucket, key, scratch_path, condition)
        except BaseException:
            store.catalog.forget_versions(bucket, [(key, version)])
            raise
        _unlink_checksum(store.object_path(bucket, key))
        store.catalog.forget_others(bucket, key, version)
    store.notify(Change(f"s3:ObjectCreated:{how}", bucket, key, version.size, facts.etag))
    return version


def _check_match(store: ObjectStore, bucket: str, key: str, condition: WriteCondition) -> None:
    if condition.if_match is None:
        return
    current = find_object(store, bucket, key)
    if current is None:
        raise NoSuchKeyError(bucket, key)
    current.close()
    if condition.if_match not in ("*", current.facts.etag):
        raise PreconditionFailedError(f'If-Match: "{condition.if_match}"')


def _place(store: ObjectStore, bucket: str, key: str, scratch_path: Path, condition: WriteCondition) -> None:
    path = store.object_path(bucket, key)
    for _ in range(ATTEMPTS):
        store.find_bucket(bucket)
        _make_folder(path.parent, key)
        try:
            if condition.if_none_match:
                path.hardlink_to(scratch_path)  # unlike a rename, it fails when the name is taken
            else:
                scratch_path.replace(path)
        except FileNotFoundError:  # a deletion has removed the folder again
            continue
        except (IsADirectoryError, FileExistsError) as error:
            if path.is_dir():
                _remove_empty_folder(path, key)
            elif isinstance(error, FileExistsError):
                raise PreconditionFailedError("If-None-Match: *") from error
        else:
            return
    raise _folder_keeps_going(key)


def _make_folder(folder: Path, key: str) -> None:
    for _ in range(ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            if any(path.exists() and not path.is_dir() for path in (folder, *folder.parents)):
                message = f"a folder on the way to {key!r} is an object; on a disk, one name cannot be both: rename one"
                raise S3Error("ParentIsObject", message) from error
        else:
            return
    raise _folder_keeps_going(key)


def _folder_keeps_going(key: str) -> S3Error:
    return S3Error("InternalError", f"the folder of {key!r} was removed {ATTEMPTS} times during the write; try again")


def _remove_empty_folder(path: Path, key: str) -> None:
    try:
        path.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"{key!r} is a folder with objects in it; on a disk, one name cannot be both: rename one"
        raise S3Error("ObjectExistsAsFolder", message) from error


def _unlink_checksum(path: Path) -> None:
    """Delete Hadoop's checksum of the old bytes, which Hadoop would compare with the new ones."""
    checksum_path = path.with_name(f".{path.name}.crc")
    if len(os.fsencode(checksum_path.name)) <= MAX_NAME_BYTES:
        checksum_path.unlink(missing_ok=True)


def folder_error(key: str) -> S3Error:
    """Return the error for bytes under a key that ends in a slash."""
    return S3Error("InvalidArgument", f"{key!r} ends in a slash: a folder here, which holds no bytes")


def _put_folder_marker(
    store: ObjectStore, bucket: str, key: str, size: int, facts: ObjectFacts, how: str
) -> FileVersion:
    """Write a key that ends in a slash: an empty object on S3, an empty folder here."""
    if size:
        raise folder_error(key)
    path = store.object_path(bucket, key)
    with store.lock(bucket, key):
        _make_folder(path, key)
        version = FileVersion(0, store.next_ns())
        store.catalog.record(bucket, key, version, facts)
        store.catalog.forget_others(bucket, key, version)
    store.notify(Change(f"s3:ObjectCreated:{how}", bucket, key, 0, facts.etag))
    return version


def delete_object(store: ObjectStore, bucket: str, key: str, condition: WriteCondition = WriteCondition()) -> None:
    """Delete an object. It is no error when there is none."""
    bucket_path = store.find_bucket(bucket)
    path = store.object_path(bucket, key)
    if is_hidden(key):
        return
    with store.lock(bucket, key):
        _check_match(store, bucket, key, condition)
        is_gone = _unlink(store, bucket, key, path, bucket_path)
    if is_gone:
        store.notify(Change("s3:ObjectRemoved:Delete", bucket, key))


def _unlink(store: ObjectStore, bucket: str, key: str, path: Path, bucket_path: Path) -> bool:
    """Delete an object's file, and return whether there was one."""
    if key.endswith("/"):
        was_there = key in store.catalog.folder_markers(bucket)
        store.catalog.forget(bucket, key)
        _remove_empty_folders(store, bucket, path, bucket_path)
        return was_there
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    _unlink_checksum(path)
    store.catalog.forget(bucket, key)
    _remove_empty_folders(store, bucket, path.parent, bucket_path)
    return True


def _remove_empty_folders(store: ObjectStore, bucket: str, folder: Path, bucket_path: Path) -> None:
    """Remove the folders that have become empty: on S3 only a key that is an object makes an empty folder."""
    markers = store.catalog.folder_markers(bucket)
    while folder != bucket_path and f"{folder.relative_to(bucket_path)}/" not in markers:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone already
            return
        folder = folder.parent
