"""The bytes of each image of a run, by their SHA-256: from what the run fetched and from what the store knows."""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import broadcast
from pyspark.sql.pandas.types import to_arrow_schema

from image_features.featurize.arguments import FeaturizeArguments
from image_features.schemas import FEATURES, IMAGES, MANIFEST, OBJECTS, VECTORS
from image_features.storage import feature_store
from image_features.storage.datasets import read_dataset, read_rejects
from image_features.storage.feature_store import by_etag
from run_contract.stages import INGEST

FEW_IMAGES = 500_000
"""So many image ids, of about 60 bytes, can be held by every worker."""

IMAGE_COLUMNS = [name for name in FEATURES.names if name != "features"]
_CONTENT_SHA256 = to_arrow_schema(VECTORS).field("content_sha256").with_nullable(True)
NARROW_IMAGES = pa.schema([_CONTENT_SHA256, *map(to_arrow_schema(FEATURES).field, IMAGE_COLUMNS)])
"""What is known of an image before its vector: the SHA-256 of its bytes, and its own columns of `features`."""


def images_of_run(spark: SparkSession, arguments: FeaturizeArguments) -> DataFrame:
    """Return the run's images with the columns of NARROW_IMAGES.

    `content_sha256` is null where the bytes of an image are neither among those that the run fetched nor known to the
    store.
    """
    manifest = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    rejected = read_rejects(spark, arguments.rejects_uri, INGEST).select("image_id")
    images = read_dataset(spark, arguments.images_uri, IMAGES).select(*NARROW_IMAGES.names)
    listed, read = manifest.count(), images.count() + rejected.count()
    if read == listed:
        return images
    answered = images.select("image_id").union(rejected)
    # Spark itself sees too late that they are few, and shuffles them into 200 partitions.
    others = manifest.join(broadcast(answered) if listed <= FEW_IMAGES else answered, "image_id", "left_anti")
    known = by_etag(feature_store.read(spark, feature_store.objects_uri(arguments.feature_store_uri), OBJECTS))
    known = known.where("is_image").select("etag", "size_bytes", "content_sha256")
    return images.union(others.join(known, ["etag", "size_bytes"], "left").select(*NARROW_IMAGES.names))
