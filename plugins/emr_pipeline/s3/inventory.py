"""Inventories of a source and what differs between two of them; pure."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TypeAlias

from emr_pipeline.errors import InventoryError
from run_contract.inventory import COLUMNS

Entry: TypeAlias = tuple[str, int, str]
"""Key (whole), size in bytes, ETag (without quotes) of one object."""

# Several times what S3's longest key has as CSV. A longer line would fill the memory before it is seen to be wrong.
LONGEST_LINE = 16_384


@dataclass(frozen=True)
class Changes:
    """Numbers of objects that differ between a listing and the published one."""

    new: int
    changed: int
    gone: int
    objects: int
    digest: str
    """SHA-256 over every entry listed: two listings with one digest are the same."""

    @property
    def is_any(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    def text(self) -> str:
        """Return the changes as a person reads them.

        >>> Changes(new=50, changed=3, gone=0, objects=1048, digest="").text()
        '50 new, 3 changed; 1,048 objects in all'
        """
        if not self.is_any:
            return f"nothing new; {self.objects:,} objects in all"
        counts = {"new": self.new, "changed": self.changed, "gone": self.gone}
        parts = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        return f"{parts}; {self.objects:,} objects in all"


def compare(listed: Iterable[Entry], published: Iterable[Entry]) -> Changes:
    """Compare a listing with the published one in one walk; memory does not grow with their length.

    Both must be in S3's order, that of the keys' UTF-8 bytes, which is also Python's order of strings; an
    InventoryError says where they are not.

    >>> compare([("a.jpg", 1, "e1"), ("c.jpg", 3, "e3")], [("a.jpg", 1, "e0"), ("b.jpg", 2, "e2")]).text()
    '1 new, 1 changed, 1 gone; 2 objects in all'
    """
    new = changed = gone = objects = 0
    sha256 = hashlib.sha256()
    earlier = in_order(published, "the published inventory")
    before = next(earlier, None)
    for entry in in_order(listed, "the listing"):
        key, size_bytes, etag = entry
        objects += 1
        # The key's length comes first: keys may contain every character, also those that separate the fields.
        sha256.update(f"{len(key)}:{key}{size_bytes}:{etag}\n".encode())
        while before is not None and before[0] < key:
            gone += 1
            before = next(earlier, None)
        if before is None or before[0] != key:
            new += 1
            continue
        if before != entry:
            changed += 1
        before = next(earlier, None)
    if before is not None:
        gone += 1 + sum(1 for _ in earlier)
    return Changes(new, changed, gone, objects, sha256.hexdigest())


def in_order(entries: Iterable[Entry], whose: str) -> Iterator[Entry]:
    """Yield the same entries; raise InventoryError at the first key that does not follow the one before it."""
    last = None
    for entry in entries:
        if last is not None and entry[0] <= last:
            raise InventoryError(
                f"{whose} has the key {entry[0]!r} after {last!r}: it is not in S3's order (a directory bucket's is "
                "not), and cannot be compared; keep photographs in a general purpose bucket"
            )
        last = entry[0]
        yield entry


def read_entries(binary_file: IO[bytes]) -> Iterator[Entry]:
    """Yield the entries of an inventory.csv.gz as they are asked for; raise InventoryError if it is not one."""
    try:
        with gzip.open(binary_file) as unpacked, io.TextIOWrapper(unpacked, encoding="utf-8", newline="") as text:
            rows = csv.reader(_lines(text))
            header = next(rows, None)
            if tuple(header or ()) != COLUMNS:
                raise InventoryError(f"an inventory begins with the columns {','.join(COLUMNS)}, not with {header}")
            for key, size_bytes, etag in rows:
                yield key, int(size_bytes), etag
    except InventoryError:
        raise
    except (OSError, EOFError, zlib.error, csv.Error, ValueError) as error:
        raise InventoryError(f"this is no inventory, or not the whole of one: {error}") from error


def _lines(text: IO[str]) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise InventoryError(f"an inventory has no line of {LONGEST_LINE} characters")
        yield line
