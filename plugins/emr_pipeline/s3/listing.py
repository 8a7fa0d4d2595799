"""Listings of a source and inventories of runs, read from S3 in its order, with memory for a few pages.

S3 takes about 100 ms to answer for each page of 1,000 keys. Where an earlier inventory says at which keys to cut,
several parts are listed side by side.
"""

import itertools
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from botocore.exceptions import ClientError

from emr_pipeline.run.layout import split_uri
from emr_pipeline.s3.inventory import Changes, Entry, compare, read_entries
from emr_pipeline.s3.objects import NOT_FOUND, error_code

# A client keeps ten connections; each lister needs one.
LISTERS = 8
PAGE_OBJECTS = 1000
RANGES_AHEAD = 2 * LISTERS
PART_OBJECTS = 8000
# What landed since may all lie in one part: behind this, the part is read page by page, on request.
PAGES_AHEAD = 16


def compare_with_inventory(s3: Any, source_uri: str, inventory_uri: str | None) -> Changes:
    """Return what differs between the objects under a source now and the inventory of a run of the same source.

    Without an inventory, or if it is gone, everything is new.
    """
    with tempfile.TemporaryFile() as inventory:
        if inventory_uri is None or not _download(s3, inventory_uri, inventory):
            return compare(list_entries(s3, source_uri), ())
        cuts = [entry[0] for number, entry in enumerate(read_entries(inventory), 1) if number % PART_OBJECTS == 0]
        inventory.seek(0)
        return compare(list_entries(s3, source_uri, cuts), read_entries(inventory))


def list_entries(s3: Any, source_uri: str, cuts: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield every object below a source, in S3's order.

    `cuts` are keys, in order, at which the listing may be cut into parts that are listed side by side. The objects need
    not exist any more.
    """
    bucket, key = split_uri(source_uri.rstrip("/"))
    # Without the slash `.../fruits` would list `.../fruits-old/` too.
    request = {"Bucket": bucket, "Prefix": f"{key}/" if key else ""}
    if not cuts:
        for page in _pages(s3, request, None, None):
            yield from page
        return
    pool = ThreadPoolExecutor(LISTERS, thread_name_prefix="list-objects")
    try:
        yield from _side_by_side(pool, s3, request, cuts)
    finally:
        pool.shutdown(cancel_futures=True)


def _download(s3: Any, uri: str, target: IO[bytes]) -> bool:
    """Return whether there is such an object; then it is in the target, to be read from the start."""
    bucket, key = split_uri(uri)
    try:
        s3.download_fileobj(bucket, key, target)
    except ClientError as error:
        if error_code(error) in NOT_FOUND:
            return False
        raise
    target.seek(0)
    return True


def _side_by_side(pool: ThreadPoolExecutor, s3: Any, request: dict[str, Any], cuts: Sequence[str]) -> Iterator[Entry]:
    parts: deque[tuple[Future[list[list[Entry]]], Iterator[list[Entry]]]] = deque()
    for after, last in zip([None, *cuts], [*cuts, None], strict=True):
        pages = _pages(s3, request, after, last)
        parts.append((pool.submit(_first_pages, pages), pages))
        if len(parts) == RANGES_AHEAD:
            yield from _entries_of_part(*parts.popleft())
    while parts:
        yield from _entries_of_part(*parts.popleft())


def _first_pages(pages: Iterator[list[Entry]]) -> list[list[Entry]]:
    return list(itertools.islice(pages, PAGES_AHEAD))


def _entries_of_part(first: "Future[list[list[Entry]]]", rest: Iterator[list[Entry]]) -> Iterator[Entry]:
    for page in itertools.chain(first.result(), rest):
        yield from page


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
