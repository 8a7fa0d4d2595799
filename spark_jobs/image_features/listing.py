"""Lists the source on the driver, page by page, and writes the manifest pack by pack: nothing grows with its size."""

import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema

from image_features import objects
from image_features.errors import BucketNotFoundError, EmptySourceError, SourceNotFoundError
from image_features.manifest import ManifestRow, manifest_row
from image_features.packing import packs
from image_features.sampling import sample
from image_features.schemas import MANIFEST


@dataclass
class ManifestTotals:
    objects: int = 0
    size_bytes: int = 0
    labels: int = 0


class Listing:
    """The rows of every object under `source_uri`, or of a sample of them; `seen` counts all that were listed."""

    def __init__(self, source_uri: str, sample_limit: int | None) -> None:
        self.source_uri, self.sample_limit, self.seen = source_uri, sample_limit, 0

    def rows(self) -> Iterator[ManifestRow]:
        """Raises SourceNotFoundError or EmptySourceError, before it yields anything."""
        every = self._every_row()
        yield from every if self.sample_limit is None else sample(every, self.sample_limit)

    def _every_row(self) -> Iterator[ManifestRow]:
        try:
            for listed in objects.list_objects(self.source_uri):
                self.seen += 1
                yield manifest_row(listed, self.source_uri)
        except BucketNotFoundError as error:
            raise SourceNotFoundError(self.source_uri) from error
        if not self.seen:
            raise EmptySourceError(self.source_uri)


def write_manifest(rows: Iterable[ManifestRow], manifest_uri: str) -> ManifestTotals:
    """Replaces the dataset `manifest`: one file for each pack."""
    totals = ManifestTotals()
    labels: set[str | None] = set()
    numbered = enumerate(packs(rows))
    # The first pack is listed before the old manifest goes: a source that is not there destroys nothing.
    first = list(itertools.islice(numbered, 1))
    objects.delete_prefix(manifest_uri)
    for number, pack in itertools.chain(first, numbered):
        objects.write_bytes(f"{manifest_uri}/part-{number:05d}.parquet", _parquet(pack))
        totals.objects += len(pack)
        totals.size_bytes += sum(row.size_bytes for row in pack)
        labels.update(row.label for row in pack)
    totals.labels = len(labels - {None})
    return totals


def _parquet(pack: list[ManifestRow]) -> bytes:
    table = pa.Table.from_pylist([asdict(row) for row in pack], schema=to_arrow_schema(MANIFEST))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
