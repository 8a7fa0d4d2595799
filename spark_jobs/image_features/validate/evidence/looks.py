"""The looks of the run's images, read file by file on the workers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import SparkContext
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingDatasetError
from image_features.schemas import LOOKS
from image_features.spark_tasks import one_task_each
from image_features.storage.parquet_files import file_groups, read_table

_SCHEMA = to_arrow_schema(LOOKS)
MEASURES = ["uri", "label", "width_px", "height_px", "darkest", "brightest", "entropy", "sharpness", "colorfulness"]
_OF_SAMPLE = ["uri", "etag", "width_px", "height_px", "thumbnail"]


@dataclass(frozen=True)
class Looks:
    """The measures of all images, about 150 bytes each, and of the sample's images the thumbnails, in its order.

    The table `sample` has a row for each image of the sample; all is null of one that has no look.
    """

    measures: pa.Table
    sample: pa.Table


def gather_looks(context: SparkContext, looks_uri: str, sample_uris: NDArray[np.object_]) -> Looks:
    """Read the dataset `looks` once. Raises MissingDatasetError."""
    groups = list(file_groups(looks_uri, context.defaultParallelism))
    if not groups:
        raise MissingDatasetError(looks_uri)
    wanted = context.broadcast(pa.array(sample_uris, pa.string()))
    schema = pa.schema([_SCHEMA.field(name) for name in dict.fromkeys([*MEASURES, *_OF_SAMPLE])])

    def read(uris: Sequence[str]) -> tuple[pa.Table, pa.Table]:
        table = read_table(uris, schema)
        of_sample = table.filter(pc.is_in(table["uri"], wanted.value)).select(_OF_SAMPLE)
        return table.select(MEASURES), of_sample

    read_tables = one_task_each(context, groups, read).collect()
    measures, of_sample = (pa.concat_tables(tables) for tables in zip(*read_tables, strict=True))
    places = pc.index_in(wanted.value, of_sample["uri"].combine_chunks())
    wanted.destroy()
    return Looks(measures.combine_chunks(), of_sample.take(places).combine_chunks())
