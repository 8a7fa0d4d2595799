"""Catalog of what files cannot say about themselves: ETags, headers and tags.

It is one SQLite file, so that a restart forgets nothing. A row belongs to one version of a file, known by its size and
time of change. When anybody changes the file, the row is not found any more, and the object is a plain file again.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

STORAGE_CLASS = "x-amz-storage-class"
"""The header that says where S3 would keep an object, if not in STANDARD."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    etag TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (bucket, key, size, mtime_ns)
) WITHOUT ROWID;
"""


class FileVersion(NamedTuple):
    """Size and time of change of a file. Two versions with the same values count as one."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileVersion":
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """The facts that an upload gave about its object, besides the bytes."""

    etag: str
    """Without the quotes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that a read gives back as they came: Content-Type and others, `x-amz-meta-*`, checksums."""
    tags: Mapping[str, str] = field(default_factory=dict)


class Catalog:
    """The rows of all objects. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        # One connection and a lock: a look-up takes microseconds, and SQLite writes one at a time in any case.
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, values: Sequence[Any]) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def find(self, bucket: str, keys: Sequence[str]) -> dict[tuple[str, FileVersion], ObjectFacts]:
        """Return the known facts of all versions of the keys, which may be some thousands."""
        marks = ",".join("?" * len(keys))
        rows = self._rows(
            f"SELECT key, size, mtime_ns, etag, headers, tags FROM objects WHERE bucket = ? AND key IN ({marks})",
            (bucket, *keys),
        )
        return {
            (key, FileVersion(size, mtime_ns)): ObjectFacts(etag, json.loads(headers), json.loads(tags))
            for key, size, mtime_ns, etag, headers, tags in rows
        }

    def record(self, bucket: str, key: str, version: FileVersion, facts: ObjectFacts, keep: bool = False) -> None:
        """Record what is known of a version. With `keep`, what an upload has recorded stays."""
        row = (bucket, key, *version, facts.etag, json.dumps(dict(facts.headers)), json.dumps(dict(facts.tags)))
        self._rows(f"INSERT OR {'IGNORE' if keep else 'REPLACE'} INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def forget_others(self, bucket: str, key: str, version: FileVersion | None) -> None:
        """Forget all versions of a key except this one."""
        self._rows(
            "DELETE FROM objects WHERE bucket = ? AND key = ? AND (size, mtime_ns) IS NOT (?, ?)",
            (bucket, key, *(version or (None, None))),
        )

    def forget_unless(self, is_current: Callable[[str, str, int, int], bool]) -> None:
        """Forget every version for which a function of bucket, key, size and time of change is false."""
        with self._lock:
            self._connection.create_function("is_current", 4, is_current)
            self._connection.execute("DELETE FROM objects WHERE NOT is_current(bucket, key, size, mtime_ns)")
