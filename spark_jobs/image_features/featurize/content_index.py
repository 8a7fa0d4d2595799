"""The bytes of each image of a run, by their SHA-256: from what the run fetched and from what the store knows."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import broadcast, lit, pmod, xxhash64
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.errors import MissingVectorsError
from image_features.featurize.arguments import FeaturizeArguments
from image_features.schemas import FEATURES, IMAGES, MANIFEST, OBJECTS, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import persisted, read_dataset, read_rejects
from image_features.storage.feature_store import by_etag
from run_contract.stages import INGEST

CHUNK_IMAGES = 500_000
"""About the number of images that the driver and every worker hold at once, of about 300 bytes each."""

IMAGE_COLUMNS = [name for name in FEATURES.names if name != "features"]
NARROW_IMAGES = pa.schema(
    [to_arrow_schema(VECTORS).field("content_sha256"), *map(to_arrow_schema(FEATURES).field, IMAGE_COLUMNS)]
)
"""What is known of an image before its vector: the SHA-256 of its bytes, and its own columns of `features`."""


def image_chunks(spark: SparkSession, arguments: FeaturizeArguments) -> Iterator[pa.Table]:
    """Yield the run's images with the columns of NARROW_IMAGES, in chunks of about CHUNK_IMAGES.

    Images of the same bytes are in the same chunk. Raises MissingVectorsError if the bytes of an image are neither
    among those that the run fetched nor known to the store.
    """
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    rejected = read_rejects(spark, arguments.rejects_uri, INGEST).select("image_id")
    images = read_dataset(spark, arguments.images_uri, IMAGES).select(*NARROW_IMAGES.names)
    listed, read = manifest.count(), images.count() + rejected.count()
    chunks = max(1, -(-listed // CHUNK_IMAGES))
    objects_uri = feature_store.objects_uri(arguments.feature_store_uri)
    if read < listed:
        answered = images.select("image_id").union(rejected)
        # Spark itself sees too late that they are few, and shuffles them into 200 partitions.
        others = manifest.join(broadcast(answered) if chunks == 1 else answered, "image_id", "left_anti")
        known = by_etag(feature_store.read(spark, objects_uri, OBJECTS)).where("is_image")
        known = known.select("etag", "size_bytes", "content_sha256")
        images = images.union(others.join(known, ["etag", "size_bytes"], "left").select(*NARROW_IMAGES.names))
    if chunks == 1:
        yield _narrow(images, objects_uri)
        return
    with persisted(images) as kept:
        for number in range(chunks):
            yield _narrow(kept.where(pmod(xxhash64("content_sha256"), lit(chunks)) == number), objects_uri)


def _narrow(images: DataFrame, objects_uri: str) -> pa.Table:
    narrow = pa.Table.from_pandas(images.toPandas(), preserve_index=False)
    # Those that are not known are all in one chunk, for null has one hash: this is their number in the whole run.
    unknown = narrow["content_sha256"].null_count
    if unknown:
        raise MissingVectorsError(objects_uri, unknown, "the bytes behind the ETag are not known")
    return narrow.cast(NARROW_IMAGES)
