"""Objects come and go: always whole, by a rename, and only if the writer's condition holds at that moment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from local_aws.s3.files.catalog import FileVersion, ObjectFacts
from local_aws.s3.files.paths import MAX_NAME_BYTES, is_hidden
from local_aws.s3.files.store import ObjectStore, Scratch
from local_aws.s3.files.stored_object import EMPTY_ETAG, find_object
from local_aws.s3.operations.notifications import Change
from local_aws.s3.protocol.errors import NoSuchKeyError, PreconditionFailedError, S3Error

ATTEMPTS = 20
"""To place a file while others delete its folder because it had become empty."""


@dataclass(frozen=True, slots=True)
class WriteCondition:
    if_match: str | None = None
    """An ETag without quotes, or `*` for whatever there is."""
    if_none_match: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> WriteCondition:
        none_match = headers.get("if-none-match")
        if none_match not in (None, "*"):
            raise S3Error("NotImplemented", "of a write's If-None-Match S3 knows only *")
        match = headers.get("if-match")
        return cls(None if match is None else match.strip('"'), none_match == "*")


def check_writable(store: ObjectStore, bucket: str, key: str) -> None:
    """Raises before any byte is received for an object that cannot be."""
    store.find_bucket(bucket)
    store.object_path(bucket, key)
    if is_hidden(key):
        message = f"{key!r} is a name of Hadoop's scratch files, which are not shown as objects; choose another"
        raise S3Error("InvalidArgument", message)


def write_hashed(chunks: Iterable[bytes], target: BinaryIO) -> str:
    """Writes the chunks; their MD5 in hex."""
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
    """Makes a scratch file the object, in one step for every reader; `how` is for those who are told of it."""
    scratch_path, scratch_file = scratch
    scratch_file.flush()
    now_ns = store.next_ns()
    os.utime(scratch_path, ns=(now_ns, now_ns))
    version = FileVersion.of(scratch_path.stat())
    with store.lock(bucket, key):
        _check_match(store, bucket, key, condition)
        # The facts come first: no reader can meet the new file without them.
        store.catalog.record(bucket, key, version, facts)
        try:
            _place(store, bucket, key, scratch_path, condition)
        except BaseException:
            store.catalog.forget_versions(bucket, [(key, version)])
            raise
        _unlink_checksum(store.object_path(bucket, key))
        store.catalog.forget_others(bucket, key, version)
    store.tell(Change(f"s3:ObjectCreated:{how}", bucket, key, version.size, facts.etag))
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
                path.hardlink_to(scratch_path)  # unlike a rename, it fails when the name is taken, by whomever
            else:
                scratch_path.replace(path)
        except FileNotFoundError:  # a deletion took the folder away again
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
    return S3Error("InternalError", f"the folder of {key!r} was taken away {ATTEMPTS} times while it was written to")


def _remove_empty_folder(path: Path, key: str) -> None:
    try:
        path.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"{key!r} is a folder with objects in it; on a disk, one name cannot be both: rename one"
        raise S3Error("ObjectExistsAsFolder", message) from error


def _unlink_checksum(path: Path) -> None:
    """Hadoop would compare the new bytes with the old bytes' checksum."""
    checksum_path = path.with_name(f".{path.name}.crc")
    if len(os.fsencode(checksum_path.name)) <= MAX_NAME_BYTES:
        checksum_path.unlink(missing_ok=True)


def put_folder_marker(
    store: ObjectStore, bucket: str, key: str, headers: Mapping[str, str], how: str = "Put"
) -> FileVersion:
    """A key that ends in a slash: an empty object on S3, an empty folder here."""
    path = store.object_path(bucket, key)
    with store.lock(bucket, key):
        _make_folder(path, key)
        version = FileVersion(0, store.next_ns())
        store.catalog.record(bucket, key, version, ObjectFacts(EMPTY_ETAG, headers))
        store.catalog.forget_others(bucket, key, version)
    store.tell(Change(f"s3:ObjectCreated:{how}", bucket, key, 0, EMPTY_ETAG))
    return version


def delete_object(store: ObjectStore, bucket: str, key: str, condition: WriteCondition = WriteCondition()) -> None:
    """Deletes an object; that there is none is no error."""
    bucket_path = store.find_bucket(bucket)
    path = store.object_path(bucket, key)
    if is_hidden(key):
        return
    with store.lock(bucket, key):
        _check_match(store, bucket, key, condition)
        is_gone = _unlink(store, bucket, key, path, bucket_path)
    if is_gone:
        store.tell(Change("s3:ObjectRemoved:Delete", bucket, key))


def _unlink(store: ObjectStore, bucket: str, key: str, path: Path, bucket_path: Path) -> bool:
    """Whether there was such an object."""
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
    """S3 has no empty folders but those whose key is an object."""
    markers = store.catalog.folder_markers(bucket)
    while folder != bucket_path and f"{folder.relative_to(bucket_path)}/" not in markers:
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone already
            return
        folder = folder.parent
