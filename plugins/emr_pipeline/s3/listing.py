"""Listings of a source and inventories of runs, read from S3 in its order, with memory for a few pages.

S3 takes about 100 ms to answer for each page of 1,000 keys. Where an earlier inventory says at which keys to cut,
several parts are listed side by side.
"""

import itertools
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any

from emr_pipeline.run.layout import object_of, split_uri
from emr_pipeline.s3.inventory import Changes, Entry, compare, read_entries
from emr_pipeline.s3.objects import head

# A client keeps ten connections; each lister needs one.
LISTERS = 8
PAGE_OBJECTS = 1000
RANGES_AHEAD = 2 * LISTERS
PART_OBJECTS = 8000
# What landed since may all lie in one part: behind this, the part is read page by page, on request.
PAGES_AHEAD = 16


def compare_with_inventory(s3: Any, source_uri: str, inventory_uri: str | None) -> Changes:
    """Return what differs between the objects under a source now and the inventory of a run of the same source.

    Without an inventory, or if it is gone, everything is new. Nothing is kept: who has more questions takes a
    SourceListing.
    """
    with opened_inventory(s3, inventory_uri) as inventory:
        if inventory is None:
            return compare(list_entries(s3, source_uri), ())
        return compare(list_entries(s3, source_uri, cuts_of(inventory)), read_entries(inventory))


def digest_of_inventory(s3: Any, inventory_uri: str) -> str | None:
    """Return the digest that a listing of the same objects has; null if the inventory is gone."""
    with opened_inventory(s3, inventory_uri) as inventory:
        return compare(read_entries(inventory), ()).digest if inventory else None


@contextmanager
def opened_inventory(s3: Any, inventory_uri: str | None) -> Iterator[IO[bytes] | None]:
    """Give the block an inventory as a file; null without one, or if it is gone."""
    if inventory_uri is None or head(s3, inventory_uri) is None:
        yield None
        return
    with tempfile.TemporaryFile() as inventory:
        s3.download_fileobj(**object_of(inventory_uri), Fileobj=inventory)
        inventory.seek(0)
        yield inventory


def cuts_of(inventory: IO[bytes]) -> list[str]:
    """Return the keys at which an inventory says to cut a listing, and put the file back to its beginning."""
    cuts = [entry[0] for number, entry in enumerate(read_entries(inventory), 1) if number % PART_OBJECTS == 0]
    inventory.seek(0)
    return cuts


def list_entries(s3: Any, source_uri: str, cuts: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield every object below a source, in S3's order.

    `cuts` are keys, in order, at which the listing may be cut into parts that are listed side by side. The objects need
    not exist any more.
    """
    bucket, key = split_uri(source_uri.rstrip("/"))
    # Without the slash `.../fruits` would list `.../fruits-old/` too.
    request = {"Bucket": bucket, "Prefix": f"{key}/" if key else ""}
    pool = ThreadPoolExecutor(LISTERS, thread_name_prefix="list-objects")

    def begin(after: str | None, last: str | None) -> tuple[Future[list[list[Entry]]], Iterator[list[Entry]]]:
        pages = _pages(s3, request, after, last)
        return pool.submit(lambda: list(itertools.islice(pages, PAGES_AHEAD))), pages

    try:
        bounds = zip([None, *cuts], [*cuts, None], strict=True)
        parts = deque(begin(*bound) for bound in itertools.islice(bounds, RANGES_AHEAD))
        while parts:
            first_pages, later_pages = parts.popleft()
            for page in itertools.chain(first_pages.result(), later_pages):
                yield from page
            parts.extend(begin(*bound) for bound in itertools.islice(bounds, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def _pages(s3: Any, request: dict[str, Any], after: str | None, last: str | None) -> Iterator[list[Entry]]:
    """Yield the pages of the keys behind `after`, up to and including `last`."""
    start = {"StartAfter": after} if after else {}
    config = {"PageSize": PAGE_OBJECTS}
    for page in s3.get_paginator("list_objects_v2").paginate(**request, **start, PaginationConfig=config):
        entries = [(found["Key"], found["Size"], found["ETag"].strip('"')) for found in page.get("Contents", [])]
        if last is not None and entries and entries[-1][0] >= last:
            yield [entry for entry in entries if entry[0] <= last]
            return
        yield entries
