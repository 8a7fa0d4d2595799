"""Whole Parquet files, written and read by one process, one request each: what workers do beside Spark's datasets.

A file's name is made from the keys of its content, so a repeated task writes the same object again, and a reader sees
a file whole or not at all.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from image_features.errors import DamagedFileError
from image_features.storage import objects
from image_features.storage.objects import ListedObject

# Content that is compressed already, and floats that never repeat: a dictionary of them would be made and thrown away.
_PLAIN_COLUMNS = ("content", "features", "pca_features")


def write_part(folder_uri: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema, keys: Iterable[str]) -> str:
    """Writes one file under `folder_uri`, named after `keys` in any order; returns its URI."""
    buffer = io.BytesIO()
    dictionaries = [name for name in schema.names if name not in _PLAIN_COLUMNS]
    with pq.ParquetWriter(
        buffer, schema, compression="zstd", use_dictionary=dictionaries, write_statistics=dictionaries
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)
    uri = f"{folder_uri}/{part_name(keys)}"
    objects.write_bytes(uri, buffer.getvalue())
    return uri


def part_name(keys: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for key in sorted(keys):
        digest.update(key.encode())
        digest.update(b"\0")
    return f"part-{digest.hexdigest()[:32]}.parquet"


def read_part(uri: str, columns: list[str], rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    """The file's rows in their order, decoded batch by batch. Raises DamagedFileError."""
    content = objects.read_bytes(uri)
    try:
        yield from pq.ParquetFile(pa.BufferReader(content)).iter_batches(rows_per_batch, columns=columns)
    except (pa.ArrowException, OSError) as error:
        # Arrow names no file.
        raise DamagedFileError(uri, str(error)) from error


def grouped(files: Iterable[ListedObject], most_bytes: int) -> Iterator[list[ListedObject]]:
    """In their order, groups of at most `most_bytes`; a larger file is a group of its own."""
    group: list[ListedObject] = []
    size_bytes = 0
    for file in files:
        if group and size_bytes + file.size_bytes > most_bytes:
            yield group
            group, size_bytes = [], 0
        group.append(file)
        size_bytes += file.size_bytes
    if group:
        yield group
