"""Walk through a bucket's folder in the order of S3, which reads each folder only when it is needed."""

import os
from collections.abc import Iterator
from pathlib import Path

from local_aws.s3.files.paths import FOLDER_MARKER, HIDDEN_FILE, HIDDEN_FOLDER, MAX_KEY_BYTES
from local_aws.s3.files.store import ObjectStore


def walk(store: ObjectStore, bucket: str, prefix: str = "", after: str = "", fold: bool = False) -> Iterator[str]:
    """List the keys of a bucket that have the prefix and sort after `after`.

    With `fold`, a folder below the prefix's own folder that holds such a key is one item: its key, with a slash.
    """
    folder_key = prefix[: prefix.rfind("/") + 1]
    bucket_path = store.find_bucket(bucket)
    pending = [(folder_key, iter(_children(store, bucket_path, folder_key, prefix)))]
    while pending:
        folder_key, children = pending[-1]
        key = next(children, None)
        if key is None:
            pending.pop()
        elif key == folder_key or not key.endswith("/"):
            if key > after:
                yield key
        elif key > after or after.startswith(key):
            if not fold:
                pending.append((key, iter(_children(store, bucket_path, key))))
            elif next(walk(store, bucket, key, after), None) is not None:
                yield key


def _children(store: ObjectStore, bucket_path: Path, folder_key: str, prefix: str = "") -> list[str]:
    """List what a folder holds in the order of the keys, which is that of their UTF-8 bytes and of Python's strings.

    The keys of folders in it end in a slash, which counts: `a.b` comes before `a/b`. Its own key is its marker's.
    """
    names = []
    folder = f"{bucket_path}/{folder_key}"
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not _can_have_key(store, entry, folder) or (entry.is_dir() and HIDDEN_FOLDER.fullmatch(name)):
                    continue
                if entry.is_dir():
                    names.append(f"{name}/")
                elif entry.is_file() and not HIDDEN_FILE.fullmatch(name):
                    names.append(name)
                elif name == FOLDER_MARKER:
                    names.append("")
    except (FileNotFoundError, NotADirectoryError):  # deleted since it was seen, or never there
        return []
    keys = [folder_key + name for name in sorted(names)]
    # What lies too deep for a key is no object: one such file must not make the whole listing fail.
    return [key for key in keys if key.startswith(prefix) and len(key.encode()) <= MAX_KEY_BYTES]


def _can_have_key(store: ObjectStore, entry: os.DirEntry[str], folder: str) -> bool:
    """Return whether a name is UTF-8, and no link that leads nowhere, out of the root or round in a circle for ever."""
    if not entry.name.isascii() and any("\ud800" <= character <= "\udfff" for character in entry.name):
        return False
    if not entry.is_symlink():
        return True
    real_path = os.path.realpath(entry.path)
    is_circle = f"{os.path.realpath(folder)}/".startswith(f"{real_path}/")
    return Path(real_path).exists() and store.is_inside(real_path) and not is_circle
