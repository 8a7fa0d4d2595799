"""The listing of the source, page by page on the driver, and the manifest pack by pack: nothing grows with its size."""

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from image_features.errors import EmptySourceError
from image_features.ingest.arguments import IngestArguments
from image_features.ingest.inventory import inventory_at
from image_features.ingest.labels import Labels, read_labels
from image_features.ingest.manifest import ManifestRow, labels_that_look_alike, manifest_row
from image_features.ingest.packs import packs
from image_features.ingest.sample import sample
from image_features.schemas import MANIFEST
from image_features.storage import objects
from image_features.storage.datasets import REJECT_FILES, write_rejects
from image_features.storage.parquet_files import write_part
from run_contract.labels import Facts
from run_contract.stages import INGEST

logger = logging.getLogger(__name__)


@dataclass
class Listing:
    """Numbers of a manifest, and its files. `seen` objects were listed; a `sample` of them may have fewer `objects`.

    `excluded` are the objects that the labels file leaves out, `unknown_labels` its rows without an object.
    """

    seen: int = 0
    unknown_labels: int = 0
    sample: dict[str, int] | None = None
    objects: int = 0
    size_bytes: int = 0
    labels: set[str] = field(default_factory=set)
    labels_that_look_alike: list[list[str]] = field(default_factory=list)
    pack_uris: list[str] = field(default_factory=list)
    excluded: list[ManifestRow] = field(default_factory=list)


def write_listing(arguments: IngestArguments) -> Listing:
    """List the source once, and write both the manifest and the inventory.

    Raises BucketNotFoundError or EmptySourceError, and then has changed nothing; or an error of the labels.
    """
    listing, labels = Listing(), read_labels(arguments)
    with inventory_at(arguments.inventory_uri) as note:
        rows: Iterable[ManifestRow] = _rows(labels, note, listing)
        if arguments.sample_limit is not None:
            rows = sample(rows, arguments.sample_limit)
        listing.pack_uris = write_packs(_counted(rows, listing), arguments.manifest_uri, MANIFEST)
        listing.unknown_labels = labels.check_all_used()
    if arguments.sample_limit is not None:
        listing.sample = {"limit": arguments.sample_limit, "listed": listing.seen}
    listing.labels_that_look_alike = labels_that_look_alike(listing.labels)
    for spellings in listing.labels_that_look_alike:
        logger.warning("these labels look the same and are not: %s", ", ".join(map(ascii, spellings)))
    return listing


def write_packs(rows: Iterable[Any], folder_uri: str, schema: StructType) -> list[str]:
    """Replace what is under `folder_uri` with one file for each pack of `rows`, and return the files' URIs."""
    made = packs(rows)
    # The first pack is made before the old ones are deleted: a source that is not there destroys nothing.
    first = list(itertools.islice(made, 1))
    objects.delete_prefix(folder_uri)
    arrow_schema = to_arrow_schema(schema)
    return [_write_pack(pack, folder_uri, arrow_schema) for pack in itertools.chain(first, made)]


def _write_pack(pack: list[Any], folder_uri: str, schema: pa.Schema) -> str:
    columns = [pa.array(column, kind) for column, kind in zip(zip(*pack, strict=True), schema.types, strict=True)]
    ids = [row.image_id for row in pack]
    return write_part(folder_uri, [pa.RecordBatch.from_arrays(columns, schema=schema)], schema, ids)


def write_excluded(listing: Listing, arguments: IngestArguments) -> Counter[str]:
    """Write the excluded objects to the manifest and as rejects; return how many there are, by reason."""
    if listing.excluded:
        _write_pack(listing.excluded, arguments.manifest_uri, to_arrow_schema(MANIFEST))
    reject = {"reason": "excluded", "detail": f"by {arguments.labels}"}
    rows = [{"image_id": row.image_id, "uri": row.uri, **reject} for row in listing.excluded]
    ids = [row.image_id for row in listing.excluded]
    return write_rejects(pa.Table.from_pylist(rows, REJECT_FILES), arguments.rejects_uri, INGEST, ids)


def _rows(labels: Labels, note: Callable[[objects.ListedObject], None], listing: Listing) -> Iterator[ManifestRow]:
    for listed in objects.list_objects(labels.source_uri):
        note(listed)
        listing.seen += 1
        facts = labels.facts(listed.uri)
        if facts is None:
            listing.excluded.append(manifest_row(listed, Facts()))
        else:
            yield manifest_row(listed, facts)
    if not listing.seen:
        raise EmptySourceError(labels.source_uri)


def _counted(rows: Iterable[ManifestRow], listing: Listing) -> Iterator[ManifestRow]:
    for row in rows:
        listing.objects += 1
        listing.size_bytes += row.size_bytes
        if row.label is not None:
            listing.labels.add(row.label)
        yield row
