"""Walk through a bucket's folder in the order of S3, which reads each folder only when it is needed."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.s3.files.paths import HIDDEN_FILE, HIDDEN_FOLDER

AFTER_ALL = "\U0010ffff"
"""A character that sorts after every character of a key."""


def _is_folder(entry: os.DirEntry[str], folder: str) -> bool:
    if not entry.is_dir():
        return False
    # A link to a folder that contains the link would never end.
    return not (entry.is_symlink() and f"{os.path.realpath(folder)}/".startswith(f"{os.path.realpath(entry.path)}/"))


def _is_text(name: str) -> bool:
    """Return whether a name is UTF-8; others cannot be keys."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def folder_names(folder: str) -> list[str]:
    """List what a folder holds in the order of the keys. The names of folders end in a slash.

    S3 orders keys by their UTF-8 bytes, as Python orders strings. The slash counts: `a.b` comes before `a/b`.
    """
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not _is_text(entry.name):
                    continue
                if _is_folder(entry, folder):
                    if not HIDDEN_FOLDER.fullmatch(entry.name):
                        names.append(entry.name + "/")
                elif entry.is_file() and not HIDDEN_FILE.fullmatch(entry.name):
                    names.append(entry.name)
    except (FileNotFoundError, NotADirectoryError):  # deleted since it was seen, or never there
        return []
    names.sort()
    return names


@dataclass(frozen=True, slots=True)
class BucketWalk:
    """A bucket's folder and the keys in it that stand for empty folders."""

    bucket_path: str
    markers: Container[str]

    def keys(self, prefix: str, after: str, fold: bool) -> Iterator[str]:
        """List the keys that have the prefix and sort after `after`.

        With `fold`, a folder below the prefix's own folder that holds such a key is one item: its key, with a slash.
        """
        folder_key = prefix[: prefix.rfind("/") + 1]
        if folder_key and folder_key == prefix and prefix > after and self._is_marker(prefix):
            yield prefix
        pending = [iter(self._children(folder_key, prefix))]
        while pending:
            key = next(pending[-1], None)
            if key is None:
                pending.pop()
            elif not key.endswith("/"):
                if key > after:
                    yield key
            elif key > after or after.startswith(key):
                if fold:
                    if self._holds_any(key, after):
                        yield key
                    continue
                if key > after and self._is_marker(key):
                    yield key
                pending.append(iter(self._children(key)))

    def _children(self, folder_key: str, prefix: str = "") -> list[str]:
        keys = [folder_key + name for name in folder_names(f"{self.bucket_path}/{folder_key}")]
        return [key for key in keys if key.startswith(prefix)] if prefix else keys

    def _is_marker(self, key: str) -> bool:
        return key in self.markers and Path(self.bucket_path, key).is_dir()

    def _holds_any(self, folder_key: str, after: str) -> bool:
        return next(self.keys(folder_key, after, fold=False), None) is not None
