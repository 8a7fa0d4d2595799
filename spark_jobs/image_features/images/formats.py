"""Is an object an image? Its content says so, and only the reason of a reject looks at its name. Pure."""

import io
import struct
import warnings

from PIL import Image, UnidentifiedImageError

from image_features.rejects import Reject

# The feature store keeps the judgement. Increase this number whenever the same bytes are judged differently.
SNIFFING_VERSION = 1
# The first bytes that are kept of every object: enough to say again what it is, without fetching it.
KEPT_BYTES = 16

# The formats that Pillow may try. The list is closed: its EPS reader starts Ghostscript, and its PPM reader takes some
# texts for images. (MPO, as some cameras call a JPEG with a second picture behind it, counts as JPEG.)
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000")
IMAGE_EXTENSIONS = (
    *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "gif", "bmp", "dib", "webp", "tif", "tiff"),
    *("avif", "avifs", "jp2", "j2k", "heic", "heif"),
)
# By itself Pillow refuses an image of more than twice its own limit (a decompression bomb).
MAX_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# The errors that Pillow's readers raise on damaged bytes; a fuzz test keeps this list complete.
DAMAGE_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, RuntimeError
)  # fmt: skip


def reject_by_listing(uri: str, size_bytes: int, max_bytes: int) -> Reject | None:
    """Return why the listing alone rejects an object, so that it need not be fetched; None if it does not.

    >>> reject_by_listing("s3://photos/Apple/1.jpg", size_bytes=0, max_bytes=100)
    Reject(reason='empty_object', detail=None)
    >>> reject_by_listing("s3://photos/Apple/1.jpg", size_bytes=101, max_bytes=100)
    Reject(reason='object_too_large', detail='101 bytes, the limit is 100')
    """
    if size_bytes == 0:
        return Reject("empty_object") if claims_image(uri) else Reject("ignored_object", "no bytes")
    if size_bytes > max_bytes:
        return Reject("object_too_large", f"{size_bytes} bytes, the limit is {max_bytes}")
    return None


def reject_by_content(uri: str, content: bytes) -> Reject | None:
    """Return why the content is no image; None if it starts as an image does.

    Whether it can be decoded is not known before it is decoded.
    """
    return None if starts_as_image(content) else reject_no_image(uri, content[:KEPT_BYTES])


def reject_no_image(uri: str, first_bytes: bytes) -> Reject:
    """Return the reject of an object that is known to be no image, from its first KEPT_BYTES.

    >>> reject_no_image("s3://photos/notes.txt", b"words")
    Reject(reason='ignored_object', detail="starts with b'words'")
    >>> reject_no_image("s3://photos/1.jpg", b"words").reason
    'not_an_image'
    """
    detail = f"starts with {first_bytes!r}"
    return Reject("not_an_image", detail) if claims_image(uri) else Reject("ignored_object", detail)


def starts_as_image(content: bytes) -> bool:
    """Return whether a reader of Pillow knows the signature that the content starts with."""
    try:
        Image.open(io.BytesIO(content), formats=IMAGE_FORMATS).close()
    except UnidentifiedImageError:
        return False
    except (*DAMAGE_ERRORS, Image.DecompressionBombError):
        # A reader knew the signature and then failed: this is an image, though a damaged one.
        return True
    return True


def claims_image(uri: str) -> bool:
    """Return whether the name ends as images' names do; hidden files claim nothing.

    >>> [claims_image(f"s3://photos/{name}") for name in ("1.JPEG", "1.jpg.txt", "._1.jpg")]
    [True, False, False]
    """
    name = uri.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    return bool(stem) and not name.startswith(".") and extension.lower() in IMAGE_EXTENSIONS
