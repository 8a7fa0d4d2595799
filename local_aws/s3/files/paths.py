"""The way from bucket and key to a file below the root, and the names that no file can have."""

import re
from pathlib import Path

from local_aws.s3.protocol.errors import S3Error

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MAX_KEY_BYTES = 1024
MAX_NAME_BYTES = 255
"""The limit of file systems for one part of a path."""

HIDDEN_FOLDER = re.compile(r"_temporary|\.spark-staging-.*")
"""The folders of Hadoop's committers. Files in them are not complete."""

FOLDER_MARKER = ".local_aws-folder"
"""The file in a folder that is the object with the folder's key: on S3, a key may end in a slash."""

HIDDEN_FILE = re.compile(rf"\..*\.crc|{re.escape(FOLDER_MARKER)}")
"""The checksums that Hadoop's local file system puts next to its files, and markers, which have another key."""


class ObjectPathError(S3Error):
    """A bucket or key that no file below the root can stand for."""

    def __init__(self, name: str, reason: str, code: str = "InvalidURI") -> None:
        self.reason = reason
        super().__init__(code, f"{name!r}: {reason}")


def is_bucket_name(name: str) -> bool:
    return BUCKET_NAME.fullmatch(name) is not None


def is_hidden(key: str) -> bool:
    """Return whether the file is a writer's scratch, which S3 would never have shown.

    >>> is_hidden("out/_temporary/0/part"), is_hidden("out/.part.crc"), is_hidden("out/checks.crc")
    (True, True, False)
    """
    *folders, name = key.split("/")
    return HIDDEN_FILE.fullmatch(name) is not None or any(HIDDEN_FOLDER.fullmatch(folder) for folder in folders)


def file_name(key: str) -> str:
    """Return the path of an object's file below its bucket. A key that ends in a slash has the marker in its folder."""
    return key + FOLDER_MARKER if key.endswith("/") else key


def check_key(key: str) -> None:
    """Raise ObjectPathError for a key that is not the relative path of a file.

    One trailing slash is allowed: S3 clients write the marker of an empty folder so.
    """
    if len(key.encode("utf-8", "surrogateescape")) > MAX_KEY_BYTES:
        raise ObjectPathError(key, f"the key is longer than {MAX_KEY_BYTES} bytes", "KeyTooLongError")
    for part in key.removesuffix("/").split("/"):
        if part in ("", ".", "..") or "\0" in part:
            reason = f"{part!r} cannot be a part of a key here: keys are paths below the bucket's folder"
            raise ObjectPathError(key, reason)
        if len(part.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
            reason = f"a part of the key is longer than {MAX_NAME_BYTES} bytes, more than a file's name may be"
            raise ObjectPathError(key, reason)


def object_path(root: Path, uri: str) -> Path:
    """Return the file or folder of `s3://bucket/key`, or the bucket's own folder when there is no key.

    A slash at the end is ignored, so that prefixes can be given as users write them. Raises ObjectPathError for another
    scheme, for a wrong bucket name, and for every key that would lead out of the bucket's folder.

    >>> object_path(Path("root"), "s3://fruits/a/b/").as_posix()
    'root/fruits/a/b'
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "s3a", "s3n"):
        raise ObjectPathError(uri, "not the URI of an S3 object; it should look like s3://bucket/key")
    bucket, _, key = rest.partition("/")
    if not is_bucket_name(bucket):
        raise ObjectPathError(uri, f"{bucket!r} is not a bucket name")
    key = key.removesuffix("/")
    if key:
        check_key(key)
    return root / bucket / key
