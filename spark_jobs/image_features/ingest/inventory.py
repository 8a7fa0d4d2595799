"""The inventory: the listing that a manifest was made from, which the next run compares its own listing with."""

import csv
import gzip
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from image_features.storage import objects
from run_contract.inventory import COLUMNS


@contextmanager
def inventory_at(uri: str) -> Iterator[Callable[[objects.ListedObject], None]]:
    """Yield what notes an object in `inventory.csv.gz`, which is uploaded when the block ends without an error.

    Until then nothing is there: half a listing would look like deletions. The rows go through a temporary file, so
    memory does not grow with their number.
    """
    with tempfile.NamedTemporaryFile(suffix=".csv.gz") as file:
        # No name and no time in it: the same listing makes the same bytes.
        with (
            gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
        ):
            rows = csv.writer(text)
            rows.writerow(COLUMNS)
            yield lambda listed: rows.writerow((objects.split_uri(listed.uri)[1], listed.size_bytes, listed.etag))
        file.flush()
        objects.upload(file.name, uri)
