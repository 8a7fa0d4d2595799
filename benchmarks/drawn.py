"""Photographs that need not exist: of each the path, the ETag and the SHA-256 that a listing and the store agree on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

SIZE_BYTES = 5000
LABELS = 200
SERIES = 24
"""Photographs of one thing that is turned: they are near-duplicates of each other."""
TEST_SHARE = 4
"""Of a batch, one in so many is of Test."""


@dataclass(frozen=True)
class Batch:
    """Photographs number `first` to `first + count - 1`: all labels and both splits, numbered in the order of keys."""

    first: int
    count: int

    def label(self, number: int) -> int:
        """Return the number of a photograph's label.

        >>> [Batch(0, 800).label(number) for number in (0, 199, 200, 799)]
        [0, 199, 0, 199]
        """
        place, in_test = number - self.first, self.count // TEST_SHARE
        if place < in_test:
            return place * LABELS // in_test
        return (place - in_test) * LABELS // (self.count - in_test)

    def path(self, number: int) -> str:
        """Return the path below the source.

        >>> Batch(0, 800).path(200)
        'Training/label 000/00000200.jpg'
        """
        split = "Test" if number - self.first < self.count // TEST_SHARE else "Training"
        return f"{split}/label {self.label(number):03d}/{number:08d}.jpg"

    def numbers(self) -> range:
        return range(self.first, self.first + self.count)

    def parts(self, rows: int) -> Iterator[range]:
        """Yield the numbers in parts of at most so many."""
        end = self.first + self.count
        return (range(start, min(start + rows, end)) for start in range(self.first, end, rows))


def etag(number: int) -> str:
    """Return an ETag that no other number has, as hard to compress as a real one."""
    return hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()


def content_sha256(number: int) -> str:
    """Return a digest that no other number has."""
    return hashlib.sha256(b"%d" % number).hexdigest()
