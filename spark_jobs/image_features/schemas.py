"""The columns of every dataset: the interface between the stages, and the only one."""

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    FloatType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

REJECT_REASONS = (
    "ignored_object",
    "empty_object",
    "not_an_image",
    "object_too_large",
    "object_vanished",
    "decode_failed",
    "too_many_pixels",
)

_IMAGE_ID = StructField("image_id", StringType(), nullable=False)
_URI = StructField("uri", StringType(), nullable=False)
_LABEL = StructField("label", StringType())
_SPLIT = StructField("split", StringType())
_ETAG = StructField("etag", StringType())


def _vector(name: str) -> StructField:
    return StructField(name, ArrayType(FloatType(), containsNull=False), nullable=False)


MANIFEST = StructType(
    [
        _IMAGE_ID,
        _URI,
        _LABEL,
        _SPLIT,
        StructField("size_bytes", LongType(), nullable=False),
        _ETAG,
        StructField("modified_at", TimestampType(), nullable=False),
    ]
)
IMAGES = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _ETAG, StructField("content", BinaryType(), nullable=False)])
FEATURES = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _ETAG, _vector("features")])
PCA_FEATURES = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _ETAG, _vector("pca_features")])

# As read from the dataset's root; `stage` is the partition folder `stage=<stage>` and no column of the files.
REJECTS = StructType(
    [
        _IMAGE_ID,
        _URI,
        StructField("reason", StringType(), nullable=False),
        StructField("detail", StringType()),
        StructField("stage", StringType(), nullable=False),
    ]
)
