"""Packs of rows: a pack is one file of what is to be fetched, one task, and one file of images. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from image_features.images.limits import MAX_OBJECT_BYTES

# It bounds what a task holds in memory at once, and so the memory of a Python worker: see `fetch`.
MAX_PACK_BYTES = MAX_OBJECT_BYTES
MAX_PACK_IMAGES = 1000

_FIRST_PACK_IMAGES = 32
_PACKS_BEFORE_DOUBLING = 8


class Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...


Row = TypeVar("Row", bound=Sized)


def packs(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in their order, in packs of at most MAX_PACK_BYTES of content and `pack_limit` rows."""
    pack: list[Row] = []
    number, size_bytes = 0, 0
    for row in rows:
        row_bytes = fetched_bytes(row)
        if pack and (len(pack) >= pack_limit(number) or size_bytes + row_bytes > MAX_PACK_BYTES):
            yield pack
            pack, size_bytes, number = [], 0, number + 1
        pack.append(row)
        size_bytes += row_bytes
    if pack:
        yield pack


def pack_limit(number: int) -> int:
    """Return how many rows the pack of this number may have.

    Small packs come first, so that a few hundred images occupy several cores; later ones are larger, so that a million
    images do not make too many tasks.

    >>> [pack_limit(number) for number in (0, 8, 16, 100)]
    [32, 64, 128, 1000]
    """
    return min(MAX_PACK_IMAGES, _FIRST_PACK_IMAGES << min(number // _PACKS_BEFORE_DOUBLING, 16))


def mixed(uris: Sequence[str]) -> list[str]:
    """Return packs in the order in which they are fetched, given in that of their keys.

    The largest go first, so that no core waits long for another at the end. Those of one size are mixed: S3 answers
    only so many requests a second in one range of keys, and workers that go through the keys together are all in one.

    >>> mixed([f"pack-{number}" for number in range(10)])[:2]
    ['pack-9', 'pack-8']
    """
    order = sorted(range(len(uris)), key=lambda number: (-pack_limit(number), _digest(number)))
    return [uris[number] for number in order]


def _digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def fetched_bytes(row: Sized) -> int:
    """Return what the row adds to its pack: nothing if it is too large or known, for then it is never fetched."""
    is_fetched = row.size_bytes <= MAX_OBJECT_BYTES and getattr(row, "first_bytes", None) is None
    return row.size_bytes if is_fetched else 0
