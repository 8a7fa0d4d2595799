"""The objects of a source as one task sees them: listed once, and kept in a file for every question that follows."""

import csv
import gzip
import io
import logging
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from emr_pipeline.errors import InventoryError
from emr_pipeline.run.layout import split_uri
from emr_pipeline.s3.inventory import Changes, Entry, compare, read_entries
from emr_pipeline.s3.listing import cuts_of, list_entries, opened_inventory
from run_contract.inventory import COLUMNS

logger = logging.getLogger(__name__)


class SourceListing:
    """The objects below a source, as they were when they were first asked for; memory does not grow with them.

    `earlier_uri` is an inventory of the same source, which says where the listing may be cut into parts.
    """

    def __init__(self, s3: Any, source_uri: str, earlier_uri: str | None = None) -> None:
        self.s3, self.source_uri, self._earlier_uri = s3, source_uri.rstrip("/"), earlier_uri
        self._changes: dict[str | None, Changes] = {}

    def entries(self) -> Iterator[Entry]:
        """Yield every object, in S3's order."""
        with Path(self._kept.name).open("rb") as kept:
            yield from read_entries(kept)

    def paths(self) -> Iterator[str]:
        """Yield the paths below the source; the markers of folders are none."""
        _, prefix = split_uri(self.source_uri)
        length = len(prefix) + 1 if prefix else 0
        return (key[length:] for key, _, _ in self.entries() if not key.endswith("/"))

    @property
    def digest(self) -> str:
        """The digest that every listing of the same objects has."""
        return self.changes_since(None).digest

    def changes_since(self, inventory_uri: str | None) -> Changes:
        """Return what differs from an inventory of the source; without one, or if it is gone, everything is new.

        Raises InventoryError where the two cannot be compared.
        """
        if inventory_uri not in self._changes:
            with opened_inventory(self.s3, inventory_uri) as inventory:
                self._changes[inventory_uri] = compare(self.entries(), read_entries(inventory) if inventory else ())
        return self._changes[inventory_uri]

    @cached_property
    def _kept(self) -> Any:
        kept = tempfile.NamedTemporaryFile(suffix=".csv.gz")  # noqa: SIM115
        with gzip.open(kept, "wb", compresslevel=1) as packed, io.TextIOWrapper(packed, "utf-8", newline="") as text:
            rows = csv.writer(text)
            rows.writerow(COLUMNS)
            rows.writerows(list_entries(self.s3, self.source_uri, self._cuts()))
        kept.flush()
        return kept

    def _cuts(self) -> list[str]:
        try:
            with opened_inventory(self.s3, self._earlier_uri) as inventory:
                return cuts_of(inventory) if inventory else []
        except InventoryError as error:
            logger.warning("%s cannot say where to cut the listing, which takes longer: %s", self._earlier_uri, error)
            return []
