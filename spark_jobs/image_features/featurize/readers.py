"""The shuffle that takes each image, without its vector, to the task that reads the vector from the feature store."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import RDD
from pyspark.sql import DataFrame
from pyspark.sql.functions import col, lit, struct
from pyspark.sql.functions import min as min_of

from image_features.featurize.content_index import NARROW_IMAGES
from image_features.schemas import VECTORS
from image_features.storage.datasets import read_dataset

_NO_ROWS = NARROW_IMAGES.append(pa.field("file", pa.string())).empty_table()


def to_readers(images: DataFrame, vectors_uri: str, groups: Sequence[Sequence[str]]) -> RDD[pa.Table]:
    """Return tables of NARROW_IMAGES: a partition for each group of files, and a last one of images without a vector.

    A group has the URIs of some files of the store, which one task reads. A vector that stands twice in the store, as
    after a repeated task, is taken from the first file that has it; so is a reject, where no file has a vector.
    """
    files = [PurePosixPath(uri).name for uris in groups for uri in uris]
    readers = pa.array([number for number, uris in enumerate(groups) for _ in uris], pa.int32())

    def split(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = list(batches)
        rows = (pa.Table.from_batches(found) if found else _NO_ROWS).combine_chunks()
        place = pc.index_in(rows["file"].combine_chunks(), pa.array(files, pa.string()))
        reader = pc.fill_null(readers.take(place), len(groups)).to_numpy()
        rows = rows.select(NARROW_IMAGES.names).cast(NARROW_IMAGES).take(np.argsort(reader, kind="stable"))
        counts = np.bincount(reader)
        starts = np.cumsum(counts) - counts
        for number in np.flatnonzero(counts):
            mine = rows.slice(starts[number], counts[number])
            yield pa.record_batch({"reader": [int(number)], "images": [_as_stream(mine)]})

    sent = _with_file(images, vectors_uri, files).mapInArrow(split, "reader long, images binary")
    # As RDDs have it, for `repartition` would give one partition to several groups, and none to others.
    brought: RDD[tuple[int, bytes]] = sent.rdd.map(tuple).partitionBy(len(groups) + 1, int)
    return brought.values().map(lambda stream: pa.ipc.open_stream(stream).read_all())


def _with_file(images: DataFrame, vectors_uri: str, files: Sequence[str]) -> DataFrame:
    """Add the name of the first of these files that has the vector of an image, or else its reject."""
    if not files:
        return images.withColumn("file", lit(None).cast("string"))
    vectors = read_dataset(images.sparkSession, vectors_uri, VECTORS, col("_metadata.file_name").alias("file"))
    # Another run may have added files since these were listed, with vectors that are in these, too.
    listed = vectors.where(col("file").isin(*files))
    place = struct(col("reason").isNotNull().alias("is_reject"), "file")
    first = listed.groupBy("content_sha256").agg(min_of(place).alias("place"))
    return images.join(first.select("content_sha256", "place.file"), "content_sha256", "left")


def _as_stream(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())
