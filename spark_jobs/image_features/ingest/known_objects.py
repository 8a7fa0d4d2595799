"""The objects of a manifest whose vector is in the feature store already, so that they need not be fetched."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import coalesce, col, lit, when

from image_features.ingest.arguments import IngestArguments
from image_features.ingest.source_listing import Listing, write_packs
from image_features.networks.identity import known_weights_sha256, store_identity
from image_features.schemas import MANIFEST, OBJECTS, TO_FETCH
from image_features.storage import feature_store
from image_features.storage.datasets import persisted, read_dataset, read_rejects
from run_contract.labels import IGNORED_FOLDER
from run_contract.stages import INGEST


def set_known_aside(
    spark: SparkSession, arguments: IngestArguments, listing: Listing, packs_uri: str
) -> tuple[list[str], int]:
    """Write packs of what the store has no answer for, and return their URIs and the number of the other objects.

    A row whose object is known to be no image has its `first_bytes`. Where the store knows nothing, the packs are the
    manifest's own files.
    """
    store_uri = arguments.feature_store_uri
    objects_uri = feature_store.objects_uri(store_uri)
    sha256 = known_weights_sha256(arguments) if feature_store.has_parts(objects_uri) else None
    if sha256 is None:
        return listing.pack_uris, 0
    vectors_uri = feature_store.vectors_uri(store_uri, store_identity(arguments, sha256))
    known = feature_store.by_etag(read_dataset(spark, objects_uri, OBJECTS))
    computed = feature_store.answered(spark, vectors_uri).distinct()
    computed = computed.withColumn("has_vector", lit(True))
    # All columns are narrow, so joins cost little; nothing here grows on the driver.
    listed = read_dataset(spark, arguments.manifest_uri, MANIFEST)
    if listing.excluded:
        # They are rejects by now.
        rejected = read_rejects(spark, arguments.rejects_uri, INGEST).select("image_id")
        listed = listed.join(rejected, "image_id", "left_anti")
    manifest = listed.join(known, ["etag", "size_bytes"], "left")
    path = col("uri").substr(len(arguments.source_uri.rstrip("/")) + 2, 2**20)
    is_sound = col("is_image") & col("has_vector") & ~path.rlike(IGNORED_FOLDER)
    judged = manifest.join(computed, "content_sha256", "left").withColumn("is_sound", coalesce(is_sound, lit(False)))
    with persisted(judged) as kept:
        first_bytes = when(~col("is_image"), col("first_bytes")).alias("first_bytes")
        left = kept.where("NOT is_sound").select(*TO_FETCH.names[:-1], first_bytes).orderBy("uri")
        # Partition by partition: the driver never holds them all.
        pack_uris = write_packs(left.toLocalIterator(prefetchPartitions=True), packs_uri, TO_FETCH)
        return pack_uris, kept.where("is_sound").count()
