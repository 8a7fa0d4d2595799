"""The listing of the source, page by page on the driver, and the manifest pack by pack: nothing grows with its size."""

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from image_features.errors import BucketNotFoundError, EmptySourceError, SourceNotFoundError
from image_features.images.formats import reject_by_listing
from image_features.ingest.arguments import IngestArguments
from image_features.ingest.inventory import inventory_at
from image_features.ingest.manifest import ManifestRow, manifest_row
from image_features.ingest.packs import MAX_OBJECT_BYTES, packs
from image_features.ingest.sample import sample
from image_features.schemas import MANIFEST
from image_features.storage import objects
from image_features.storage.objects import ListedObject


@dataclass
class ManifestTotals:
    """Numbers of a manifest, and of the sample if its objects are one.

    `unread` objects are rejects by the listing alone; `pack_uris` are the manifest's files.
    """

    sample: dict[str, int] | None = None
    objects: int = 0
    size_bytes: int = 0
    labels: int = 0
    unread: int = 0
    pack_uris: list[str] = field(default_factory=list)


class Listing:
    """Rows of every object under `source_uri`, or of a sample of them; `seen` counts all that were listed.

    `noting` passes on every object that is listed, also those that are not in the sample.
    """

    def __init__(
        self,
        source_uri: str,
        sample_limit: int | None,
        noting: Callable[[Iterable[ListedObject]], Iterable[ListedObject]] = iter,
    ) -> None:
        self.source_uri, self.sample_limit, self.seen = source_uri, sample_limit, 0
        self._noting = noting

    def rows(self) -> Iterator[ManifestRow]:
        """Yield the rows in the order of the listing.

        Raises SourceNotFoundError or EmptySourceError, before it yields anything.
        """
        every = self._every_row()
        yield from every if self.sample_limit is None else sample(every, self.sample_limit)

    def _every_row(self) -> Iterator[ManifestRow]:
        try:
            for listed in self._noting(objects.list_objects(self.source_uri)):
                self.seen += 1
                yield manifest_row(listed, self.source_uri)
        except BucketNotFoundError as error:
            raise SourceNotFoundError(self.source_uri) from error
        if not self.seen:
            raise EmptySourceError(self.source_uri)


def write_listing(arguments: IngestArguments) -> ManifestTotals:
    """List the source once, and write both the manifest and the inventory.

    Raises SourceNotFoundError or EmptySourceError, and then has changed nothing.
    """
    with inventory_at(arguments.inventory_uri) as inventory:
        listing = Listing(arguments.source_uri, arguments.sample_limit, inventory.noting)
        totals = write_manifest(listing.rows(), arguments.manifest_uri)
    if arguments.sample_limit is not None:
        totals.sample = {"limit": arguments.sample_limit, "listed": listing.seen}
    return totals


def write_manifest(rows: Iterable[ManifestRow], manifest_uri: str) -> ManifestTotals:
    """Replace the dataset `manifest`, and return its totals: one file for each pack."""
    totals = ManifestTotals()
    labels: set[str | None] = set()

    def counted() -> Iterator[ManifestRow]:
        for row in rows:
            totals.objects += 1
            totals.size_bytes += row.size_bytes
            totals.unread += reject_by_listing(row.uri, row.size_bytes, MAX_OBJECT_BYTES) is not None
            labels.add(row.label)
            yield row

    totals.pack_uris = write_packs(counted(), manifest_uri, MANIFEST)
    totals.labels = len(labels - {None})
    return totals


def write_packs(rows: Iterable[Any], folder_uri: str, schema: StructType) -> list[str]:
    """Replace what is under `folder_uri` with one file for each pack of `rows`, and return the files' URIs."""
    numbered = enumerate(packs(rows))
    # The first pack is made before the old ones are deleted: a source that is not there destroys nothing.
    first = list(itertools.islice(numbered, 1))
    objects.delete_prefix(folder_uri)
    uris = []
    for number, pack in itertools.chain(first, numbered):
        uris.append(f"{folder_uri}/part-{number:05d}.parquet")
        objects.write_bytes(uris[-1], _parquet(pack, schema))
    return uris


def _parquet(pack: list[Any], schema: StructType) -> bytes:
    table = pa.Table.from_pylist([asdict(row) for row in pack], schema=to_arrow_schema(schema))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
