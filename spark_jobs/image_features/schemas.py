"""The columns of every dataset, which are the interface between the stages."""

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from run_contract.rejects import REASONS

REJECT_REASONS = tuple(reason.name for reason in REASONS)

_IMAGE_ID = StructField("image_id", StringType(), nullable=False)
_URI = StructField("uri", StringType(), nullable=False)
_LABEL = StructField("label", StringType())
_SPLIT = StructField("split", StringType())
_ETAG = StructField("etag", StringType())
_SIZE_BYTES = StructField("size_bytes", LongType(), nullable=False)
_CONTENT_SHA256 = StructField("content_sha256", StringType(), nullable=False)


def _vector(name: str) -> StructField:
    return StructField(name, ArrayType(FloatType(), containsNull=False), nullable=False)


MANIFEST = StructType(
    [
        _IMAGE_ID,
        _URI,
        _LABEL,
        _SPLIT,
        _SIZE_BYTES,
        _ETAG,
        StructField("modified_at", TimestampType(), nullable=False),
        StructField("group", StringType()),
    ]
)
# Rows of the manifest that have no vector yet. Objects that are known to be no image have their `first_bytes`.
TO_FETCH = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _SIZE_BYTES, _ETAG, StructField("first_bytes", BinaryType())])
# What one run fetched. `etag` and `size_bytes` are those of the object as it was read, which may be newer than the
# manifest.
IMAGES = StructType(
    [
        _IMAGE_ID,
        _URI,
        _LABEL,
        _SPLIT,
        _ETAG,
        _SIZE_BYTES,
        _CONTENT_SHA256,
        StructField("content", BinaryType(), nullable=False),
    ]
)
FEATURES = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _ETAG, _vector("features")])
# As `images/look.py` describes them: sizes in pixels, measures of quality, and a small WebP.
_LOOK = [
    StructField("width_px", IntegerType()),
    StructField("height_px", IntegerType()),
    *[StructField(name, FloatType()) for name in ("darkest", "brightest", "entropy", "sharpness", "colorfulness")],
    StructField("thumbnail", BinaryType()),
]
LOOKS = StructType([_IMAGE_ID, _URI, _LABEL, _ETAG, *_LOOK])
PCA_FEATURES = StructType([_IMAGE_ID, _URI, _LABEL, _SPLIT, _ETAG, _vector("pca_features")])
# A row for each image. `group` is the smallest image id of its group of near-duplicates, null for an image that has
# none; `nearest_in_training` the image id of the one in Training that is most like an image of another split.
GROUPS = StructType(
    [
        _IMAGE_ID,
        _URI,
        _LABEL,
        _SPLIT,
        StructField("group", StringType()),
        StructField("group_size", LongType(), nullable=False),
        StructField("nearest_in_training", StringType()),
        StructField("likeness", FloatType()),
        StructField("leak_free_split", StringType()),
    ]
)

# A row for each reason to doubt an image: `label`, with the label that its vector has, or a flaw of the picture.
SUSPECTS = StructType(
    [
        _URI,
        _LABEL,
        StructField("reason", StringType(), nullable=False),
        StructField("suggested", StringType()),
        StructField("doubt", FloatType()),
    ]
)

# The columns at the dataset's root; `stage` is the partition folder `stage=<stage>`, not a column of the files.
REJECTS = StructType(
    [
        _IMAGE_ID,
        _URI,
        StructField("reason", StringType(), nullable=False),
        StructField("detail", StringType()),
        StructField("stage", StringType(), nullable=False),
    ]
)
IN_FILES_OF_REJECTS = StructType([field for field in REJECTS if field.name != "stage"])

# The feature store. A row of OBJECTS says what the bytes behind an ETag are. A row of VECTORS says what one network
# makes of some bytes: a vector and the look of the picture, or the reason why there is neither.
OBJECTS = StructType(
    [
        StructField("etag", StringType(), nullable=False),
        _SIZE_BYTES,
        _CONTENT_SHA256,
        StructField("is_image", BooleanType(), nullable=False),
        StructField("first_bytes", BinaryType(), nullable=False),
    ]
)
VECTORS = StructType(
    [
        _CONTENT_SHA256,
        StructField("features", ArrayType(FloatType(), containsNull=False)),
        StructField("reason", StringType()),
        StructField("detail", StringType()),
        *_LOOK,
    ]
)
