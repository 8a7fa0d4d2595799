"""From the bytes of an image to its pixels as viewers show them; any image becomes RGB or a reject. Pure."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from image_features.images import limits
from image_features.images.formats import KEPT_BYTES, readable_format, unsupported_format
from image_features.images.jpeg import jpeg_stream
from image_features.images.limits import RefusedImageError
from image_features.images.look import Look, look_of
from image_features.images.orientation import SIDES_SWAPPED, turn_upright
from image_features.images.png import png_stream
from image_features.images.white import on_white
from image_features.rejects import Reject

RESIZES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# A large JPEG is decoded at a half, a quarter or an eighth of its size, straight from its DCT blocks, as long as the
# result is still this many times as large as what is wanted. At 3, vectors stay within a cosine of 0.9995 of those of
# the whole picture (benchmarks/jobs/large_photos.py), and a photograph of 12 megapixels takes a third of the time.
SCALED_DECODE_MARGIN = 3

# The closed list of what Pillow may open: its EPS reader would start Ghostscript.
_READERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
# The limits of this package hold instead, and before Pillow's would.
Image.MAX_IMAGE_PIXELS = None

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
Used = TypeVar("Used")


@dataclass(frozen=True)
class Seen:
    """What one decoding of a photograph gives: the pixels for the network, and the look."""

    pixels: Pixels
    look: Look


def see_image(content: bytes, side_px: int, resize: str) -> Seen | Reject:
    """Return the pixels of `decode_image` with the look of the photograph, or why there is neither."""

    def see(picture: Image.Image, full_size: Size) -> Seen:
        pixels = _resized(picture, side_px, resize)
        return Seen(pixels, look_of(pixels, *full_size))

    return _use(content, SCALED_DECODE_MARGIN * side_px, see)


def decode_image(content: bytes, side_px: int, resize: str) -> Pixels | Reject:
    """Return RGB uint8 of shape (side_px, side_px, 3), or why there is none; no exception leaves.

    Reasons are `decode_failed`, `unsupported_format`, `out_of_memory`, and those of `limits`. Pillow resizes the whole
    picture without keeping its proportions. JPEGs with sides of 6 `side_px` and more are decoded at a reduced scale;
    all else is as Pillow has it, bit for bit.
    """
    return use_picture(content, SCALED_DECODE_MARGIN * side_px, lambda picture: _resized(picture, side_px, resize))


def use_picture(content: bytes, least_px: int, use: Callable[[Image.Image], Used]) -> Used | Reject:
    """Return what `use` makes of the picture as viewers show it, or the reject; no exception leaves, of `use` neither.

    The picture is RGB: the first frame, turned upright by its EXIF orientation, with transparency laid on white.
    Color profiles are not applied. A large JPEG may be reduced to sides that are not shorter than `least_px`.
    """
    return _use(content, least_px, lambda picture, _: use(picture))


def _resized(picture: Image.Image, side_px: int, resize: str) -> Pixels:
    return np.asarray(picture.resize((side_px, side_px), RESIZES[resize]))


def _use(content: bytes, least_px: int, use: Callable[[Image.Image, Size], Used]) -> Used | Reject:
    try:
        return use(*_picture(content, least_px))
    except RefusedImageError as error:
        return error.reject
    except Exception as error:
        # Pillow's readers raise whatever damaged bytes lead them to, AttributeError too: no list of errors is complete,
        # and an exception here would fail the stage for one photograph. A want of memory may be the machine's, so it is
        # not counted as damage; Pillow's codecs say it in an OSError.
        is_memory = isinstance(error, MemoryError) or "out of memory" in str(error)
        return Reject("out_of_memory" if is_memory else "decode_failed", f"{type(error).__name__}: {error}")


def _picture(content: bytes, least_px: int) -> tuple[Image.Image, Size]:
    """Return the picture, which may be reduced, and the size of the whole one, both upright."""
    image_format = readable_format(content)
    full_size: Size | None = None
    if image_format == "JPEG":
        image, exif, full_size = _open_jpeg(content, least_px)
    elif image_format == "PNG":
        image, exif = _open_png(content)
    elif image_format:
        image = _open(image_format, content)
        exif = image.info.get("exif", b"")
    else:
        name = unsupported_format(content)
        detail = f"{name or 'no known format'}, starts with {content[:KEPT_BYTES]!r}"
        raise RefusedImageError("unsupported_format" if name else "decode_failed", detail)
    width, height = full_size or image.size
    picture, turn = on_white(image), turn_upright(exif)
    # Memory for what is turned is taken from what was read.
    del image
    if turn is None:
        return picture, (width, height)
    return picture.transpose(turn), (height, width) if turn in SIDES_SWAPPED else (width, height)


def _open_jpeg(content: bytes, least_px: int) -> tuple[ImageFile.ImageFile, bytes, Size]:
    stream = jpeg_stream(content)
    limits.check_number("too_many_scans", stream.scans, limits.MAX_SCANS, "scans")
    most = limits.MAX_REDUCED_PIXELS if stream.reducible else limits.MAX_PIXELS
    image, full_size = _open_jpeg_stream(stream.content, least_px, most)
    is_whole = stream.complete
    if is_whole and not stream.ended and not stream.reducible:
        # A second decode, and so only where both have room.
        has_room = image.size[0] * image.size[1] <= limits.MAX_PIXELS // 4
        is_whole = has_room and image.tobytes() == _open_jpeg_stream(stream.continued, least_px, most)[0].tobytes()
    if not is_whole:
        raise RefusedImageError("decode_failed", f"truncated: {stream.scans} scans do not make the whole picture")
    return image, stream.exif, full_size


def _open_jpeg_stream(content: bytes, least_px: int, most: int) -> tuple[ImageFile.ImageFile, Size]:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    full_size = image.size
    limits.check_pixels(*full_size, most)
    # Pillow never goes below the size that it is given.
    image.draft(None, (least_px, least_px))
    limits.check_pixels(*image.size, limits.MAX_PIXELS)
    return image, full_size


def _open_png(content: bytes) -> tuple[ImageFile.ImageFile, bytes]:
    stream = png_stream(content)
    image = PngImagePlugin.PngImageFile(io.BytesIO(stream.content))
    limits.check_pixels(*image.size, limits.MAX_PIXELS)
    image.load()
    # What is not decoded stays zero, and the last of the odd rows comes last if the picture is interlaced. Only where
    # it is all zeros the data is inflated a second time, to count it.
    last = image.size[1] // 2 * 2 - 1 if stream.header[-1] and image.size[1] > 1 else image.size[1] - 1
    is_blank = image.crop((0, last, image.size[0], last + 1)).getbbox(alpha_only=False) is None
    if is_blank and not stream.has_all_rows():
        raise RefusedImageError("decode_failed", "truncated: the data ends before the last row")
    return image, stream.exif


def _open(image_format: str, content: bytes) -> ImageFile.ImageFile:
    most = limits.MAX_PIXELS_OF.get(image_format, limits.MAX_PIXELS)
    if image_format == "WEBP":
        # Its reader allocates the whole canvas as soon as it is opened.
        limits.check_pixels(*(WebPImagePlugin._get_size(content[:30]) or (0, 0)), most)
    image = _READERS[image_format](io.BytesIO(content))
    limits.check_pixels(*image.size, most)
    if image_format == "BMP" and image.info["compression"] in (1, 2):
        limits.check_number("too_slow", len(content), limits.MAX_RUN_LENGTH_BYTES, "bytes of runs")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        # DNGVersion, a first picture that is a smaller copy, or pixels of a color filter: then what can be read is a
        # preview. NEF, ARW, DNG and PEF are TIFF files of this kind.
        if 50706 in tags or tags.get(254, 0) & 1 or tags.get(262) in (32803, 34892):
            raise RefusedImageError("unsupported_format", "camera raw, as a TIFF that starts with a preview")
        # libtiff holds a whole tile, which may be larger than the picture.
        limits.check_pixels(tags.get(322, 1), tags.get(323, 1), most)
    return image
