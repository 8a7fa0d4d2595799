"""The inventory: the listing that a manifest was made from, which the next run compares its own listing with."""

import csv
import gzip
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from image_features.storage import objects
from image_features.storage.objects import ListedObject
from run_contract.inventory import COLUMNS


class Inventory:
    """Rows of `inventory.csv.gz` on their way through a temporary file: memory does not grow with their number."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._rows = csv.writer(text)
        self._rows.writerow(COLUMNS)

    def noting(self, listing: Iterable[ListedObject]) -> Iterator[ListedObject]:
        """Yield the same objects, and note each as it passes."""
        for listed in listing:
            _, key = objects.split_uri(listed.uri)
            self._rows.writerow((key, listed.size_bytes, listed.etag))
            yield listed


@contextmanager
def inventory_at(uri: str) -> Iterator[Inventory]:
    """Yield an inventory that is uploaded when the block ends without an error.

    Until then nothing is there: half a listing would look like deletions.
    """
    with tempfile.NamedTemporaryFile(suffix=".csv.gz") as file:
        # No name and no time in it: the same listing makes the same bytes.
        with (
            gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
        ):
            yield Inventory(text)
        file.flush()
        objects.upload(file.name, uri)
