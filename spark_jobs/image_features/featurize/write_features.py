"""The one join, on the workers: features = the run's images x the store's vectors, and no vector leaves its worker."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingVectorsError
from image_features.featurize.arguments import FeaturizeArguments
from image_features.featurize.content_index import NARROW_IMAGES
from image_features.featurize.readers import to_readers
from image_features.schemas import FEATURES, LOOKS, VECTORS
from image_features.storage import feature_store, objects
from image_features.storage.datasets import REJECT_FILES, start_rejects, write_rejects
from image_features.storage.parquet_files import file_groups, read_table, write_part
from run_contract.stages import FEATURIZE

_FEATURES = to_arrow_schema(FEATURES)
_LOOKS = to_arrow_schema(LOOKS)
_VECTORS = to_arrow_schema(VECTORS)
_IN_ORDER = [("label", "ascending"), ("uri", "ascending")]

WITHOUT_BYTES, WITHOUT_VECTOR = "without_bytes", "without_vector"


def write_features(images: DataFrame, vectors_uri: str, arguments: FeaturizeArguments) -> Counter[str]:
    """Write `features`, `looks` and the stage's rejects: each of `images` is in the first two, or in the last.

    Returns how many `images` and `features` there are, how many rejects of each reason, and how many different
    `contents` and `rejected_contents`.

    A task reads a group of the store's files and writes a file of features.

    Raises MissingVectorsError if the bytes of an image are not known, or are not in the store.
    """
    context = images.sparkSession.sparkContext
    groups = list(file_groups(vectors_uri, tasks=context.defaultParallelism))
    objects.delete_prefix(arguments.features_uri)
    objects.delete_prefix(arguments.looks_uri)
    start_rejects(arguments.rejects_uri, FEATURIZE)

    def write(number: int, brought: Iterable[pa.Table]) -> Iterator[Counter[str]]:
        mine = pa.concat_tables([NARROW_IMAGES.empty_table(), *brought])
        yield _write_group(mine, groups[number], arguments) if number < len(groups) else _count_missing(mine)

    written = to_readers(images, vectors_uri, groups).mapPartitionsWithIndex(write).collect()
    covered = sum(written, Counter[str]())
    if covered[WITHOUT_BYTES]:
        known_by = feature_store.objects_uri(arguments.feature_store_uri)
        raise MissingVectorsError(known_by, covered[WITHOUT_BYTES], "the bytes behind the ETag are not known")
    if covered[WITHOUT_VECTOR]:
        raise MissingVectorsError(vectors_uri, covered[WITHOUT_VECTOR], "there is no vector")
    if not covered["features"]:
        # A dataset without a row is a dataset nevertheless.
        write_part(arguments.features_uri, [], _FEATURES, [])
        write_part(arguments.looks_uri, [], _LOOKS, [])
    return covered


def vector_counts(covered: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    """Count each image once: its vector was computed now or before, or is another image's, or there is none.

    `covered` are the counts of `write_features`, `new` those of `featurize`.

    >>> vector_counts(Counter(images=9, contents=7, rejected_contents=2), Counter(computed=3, rejected=1))
    {'computed': 3, 'reused': 2, 'same_bytes': 2, 'rejected_before': 1}
    """
    rejected_before = covered["rejected_contents"] - new["rejected"]
    return {
        "computed": new["computed"],
        "reused": covered["contents"] - new["computed"] - covered["rejected_contents"],
        "same_bytes": covered["images"] - covered["contents"],
        "rejected_before": rejected_before,
    }


def _count_missing(images: pa.Table) -> Counter[str]:
    unknown = images["content_sha256"].null_count
    return Counter({WITHOUT_BYTES: unknown, WITHOUT_VECTOR: images.num_rows - unknown})


def _write_group(images: pa.Table, uris: Sequence[str], arguments: FeaturizeArguments) -> Counter[str]:
    if not images.num_rows:
        return Counter()
    vectors = read_table(uris, _VECTORS)
    # A vector goes before a reject of the same content, which an earlier run may have left.
    keys = vectors["content_sha256"].combine_chunks()
    of_vectors = pc.if_else(pc.is_null(vectors["reason"].combine_chunks()), keys, pa.scalar(None, keys.type))
    wanted = images["content_sha256"]
    places = pc.coalesce(pc.index_in(wanted, of_vectors), pc.index_in(wanted, keys))
    table = images.append_column("place", places).sort_by(_IN_ORDER)
    without = pc.is_valid(vectors["reason"].take(table["place"]))
    features = _with(table.filter(pc.invert(without)), vectors, _FEATURES)
    rejected = table.filter(without)
    rejects = _with(rejected, vectors, REJECT_FILES)
    if features.num_rows:
        ids = features["image_id"].to_pylist()
        write_part(arguments.features_uri, features.to_batches(), _FEATURES, ids)
        looks = _with(table.filter(pc.invert(without)), vectors, _LOOKS)
        write_part(arguments.looks_uri, looks.to_batches(), _LOOKS, ids)
    counts = write_rejects(rejects, arguments.rejects_uri, FEATURIZE, rejects["image_id"].to_pylist())
    return counts + Counter(
        images=images.num_rows,
        features=features.num_rows,
        contents=pc.count_distinct(images["content_sha256"]).as_py(),
        rejected_contents=pc.count_distinct(rejected["content_sha256"]).as_py(),
    )


def _with(table: pa.Table, vectors: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the schema's columns, each of the images or of the vector at its `place`."""
    columns = [
        table[name] if name in NARROW_IMAGES.names else vectors[name].take(table["place"]) for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema.names).cast(schema).combine_chunks()
