"""Where an object lies: bucket and key to a file below the root, and which names no file can stand for."""

from __future__ import annotations

import re
from pathlib import Path

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MAX_KEY_BYTES = 1024
MAX_NAME_BYTES = 255
"""What file systems allow for one part of a path."""

HIDDEN_FOLDER = re.compile(r"_temporary|\.spark-staging-.*")
"""Folders of Hadoop's committers: what lies in them is not written to its end."""

HIDDEN_FILE = re.compile(r"\..*\.crc")
"""Checksums that Hadoop's local file system lays beside its files."""


class ObjectPathError(ValueError):
    """A bucket or key that no file below the root can stand for."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name!r}: {reason}")


def is_bucket_name(name: str) -> bool:
    return BUCKET_NAME.fullmatch(name) is not None


def is_hidden(key: str) -> bool:
    """Whether the file is some writer's scratch, which S3 would never have shown."""
    *folders, name = key.split("/")
    return HIDDEN_FILE.fullmatch(name) is not None or any(HIDDEN_FOLDER.fullmatch(folder) for folder in folders)


def check_key(key: str) -> None:
    """Raises ObjectPathError for a key that is not the relative path of a file.

    One trailing slash is allowed: that is how S3 clients write the marker of an empty folder.
    """
    if len(key.encode("utf-8", "surrogateescape")) > MAX_KEY_BYTES:
        raise ObjectPathError(key, f"the key is longer than {MAX_KEY_BYTES} bytes")
    for part in key.removesuffix("/").split("/"):
        if part in ("", ".", ".."):
            raise ObjectPathError(
                key, f"{part!r} cannot be a part of a key here: keys are paths below the bucket's folder"
            )
        if "\0" in part:
            raise ObjectPathError(key, "a key cannot hold a NUL character here: keys are paths")
        if len(part.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
            raise ObjectPathError(
                key, f"a part of the key is longer than {MAX_NAME_BYTES} bytes, more than a file's name may be"
            )


def key_path(bucket_path: Path, key: str) -> Path:
    """The file of a key; raises ObjectPathError when there can be none."""
    check_key(key)
    return bucket_path / key


def object_path(root: Path, uri: str) -> Path:
    """The file or folder of `s3://bucket/key`; of the bucket itself when there is no key.

    A slash at the end is ignored, so that prefixes can be given as users write them. Raises ObjectPathError for another
    scheme, for what is no bucket name, and for every key that would lead out of the bucket's folder.
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "s3a", "s3n"):
        raise ObjectPathError(uri, "not the URI of an S3 object; it should look like s3://bucket/key")
    bucket, _, key = rest.partition("/")
    if not is_bucket_name(bucket):
        raise ObjectPathError(uri, f"{bucket!r} is not a bucket name")
    key = key.removesuffix("/")
    return key_path(root / bucket, key) if key else root / bucket
