"""Whole Parquet files, written and read by one process with one request each, next to Spark's datasets.

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

# Of one task: a Gram matrix of 13 MB (1280 columns) is made of so many bytes, and a file of PCA features.
GROUP_BYTES = 64 * 2**20
# A product of matrices is fast, and adding it to a Gram matrix costs little, only if it is over many rows: with 64, it
# takes several times as long. 32 MB at 2,048 columns.
ROWS_PER_ARROW_BATCH = 4096

# Content is compressed already, and floats never repeat: a dictionary of them would be built and thrown away.
_PLAIN_COLUMNS = ("content", "features", "pca_features", "thumbnail")


def write_part(folder_uri: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema, keys: Iterable[str]) -> str:
    """Write one file under `folder_uri`, named after `keys` in any order, and return its URI."""
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
    """Return the file name that stands for `keys` in any order.

    >>> part_name(["b", "a"]) == part_name(["a", "b"]) != part_name(["ab"])
    True
    """
    digest = hashlib.sha256()
    for key in sorted(keys):
        digest.update(key.encode())
        digest.update(b"\0")
    return f"part-{digest.hexdigest()[:32]}.parquet"


def read_part(uri: str, columns: list[str], rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows in their order, decoded batch by batch.

    Raises DamagedFileError.
    """
    content = objects.read_bytes(uri)
    try:
        yield from pq.ParquetFile(pa.BufferReader(content)).iter_batches(rows_per_batch, columns=columns)
    except (pa.ArrowException, OSError) as error:
        # Arrow names no file.
        raise DamagedFileError(uri, str(error)) from error


def read_schema(uri: str) -> pa.Schema:
    """Return the schema of the file. Raises DamagedFileError."""
    content = objects.read_bytes(uri)
    try:
        return pq.read_schema(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(uri, str(error)) from error


def read_table(uris: Iterable[str], schema: pa.Schema) -> pa.Table:
    """Return the schema's columns of all these files, file after file. Raises DamagedFileError."""
    batches = (batch for uri in uris for batch in read_part(uri, schema.names, ROWS_PER_ARROW_BATCH))
    tables = [pa.Table.from_batches([batch]).select(schema.names).cast(schema) for batch in batches]
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def data_files(uri: str) -> Iterator[ListedObject]:
    """List the Parquet files that Spark reads of a dataset, in the order of their names."""
    for listed in objects.list_objects(uri):
        folders = listed.uri.removeprefix(f"{uri.rstrip('/')}/").split("/")
        if listed.uri.endswith(".parquet") and not any(name.startswith(("_", ".")) for name in folders):
            yield listed


def file_groups(uri: str, tasks: int = 1) -> Iterator[list[str]]:
    """Group a dataset's files in the order of their names, small ones together: a task each.

    There are at least `tasks` groups if the files allow it.
    """
    files = list(data_files(uri))
    sizes = [file.size_bytes for file in files]
    share = sum(sizes) // tasks + max(sizes, default=0)
    return ([file.uri for file in group] for group in grouped(files, min(share, GROUP_BYTES)))


def grouped(files: Iterable[ListedObject], most_bytes: int) -> Iterator[list[ListedObject]]:
    """Yield the files in their order, in groups of at most `most_bytes`; a larger file is a group of its own."""
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
