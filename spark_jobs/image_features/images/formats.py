"""Pure: is an object an image? Its content says so, not its name; only a rejection's reason looks at the name."""

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

# The feature store keeps what was judged. Count it up whenever the same bytes are judged otherwise than before.
SNIFFING_VERSION = 1
# Of an object that is no image these are kept: enough to say again, without a fetch, what it is.
KEPT_BYTES = 16

# What Pillow may try. A closed list: its EPS reader starts Ghostscript, and its PPM reader takes some texts for images.
# (MPO, what some cameras call a JPEG with a second picture behind it, goes by JPEG.)
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000")
IMAGE_EXTENSIONS = (
    *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "gif", "bmp", "dib", "webp", "tif", "tiff"),
    *("avif", "avifs", "jp2", "j2k", "heic", "heif"),
)
# Pillow refuses an image of more than twice this by itself (a decompression bomb).
MAX_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# What Pillow's readers raise on damaged bytes; a fuzz test keeps this list complete.
DAMAGE_ERRORS = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, RuntimeError
)  # fmt: skip


@dataclass(frozen=True)
class Reject:
    """Why an object is set aside; `reason` is one of REJECT_REASONS."""

    reason: str
    detail: str | None = None


def reject_by_listing(uri: str, size_bytes: int, max_bytes: int) -> Reject | None:
    """What the listing alone can tell, so that the object need not be fetched."""
    if size_bytes == 0:
        return Reject("empty_object") if claims_image(uri) else Reject("ignored_object", "no bytes")
    if size_bytes > max_bytes:
        return Reject("object_too_large", f"{size_bytes} bytes, the limit is {max_bytes}")
    return None


def reject_by_content(uri: str, content: bytes) -> Reject | None:
    """None if the content starts as an image does; whether it can be decoded is not known before it is."""
    return None if starts_as_image(content) else reject_no_image(uri, content[:KEPT_BYTES])


def reject_no_image(uri: str, first_bytes: bytes) -> Reject:
    """Of an object that is known to be no image, by the KEPT_BYTES that it starts with."""
    detail = f"starts with {first_bytes!r}"
    return Reject("not_an_image", detail) if claims_image(uri) else Reject("ignored_object", detail)


def starts_as_image(content: bytes) -> bool:
    try:
        Image.open(io.BytesIO(content), formats=IMAGE_FORMATS).close()
    except UnidentifiedImageError:
        return False
    except (*DAMAGE_ERRORS, Image.DecompressionBombError):
        # Some reader knew the signature and then stumbled: an image, though not a sound one.
        return True
    return True


def claims_image(uri: str) -> bool:
    """Whether the name ends as images' names do; hidden files (`.DS_Store`, `._x.jpg`) claim nothing."""
    name = uri.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    return bool(stem) and not name.startswith(".") and extension.lower() in IMAGE_EXTENSIONS
