"""From the bytes of an image to the pixels that a backbone sees; any image becomes RGB or a reject. Pure."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_features.images.formats import DAMAGE_ERRORS, IMAGE_FORMATS, MAX_PIXELS
from image_features.rejects import Reject

# A part of a vector's identity. Increase it whenever the same bytes give other pixels than before.
PREPROCESSING_VERSION = 2
RESIZES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# A large JPEG is decoded at a half, a quarter or an eighth of its size, straight from its DCT blocks, as long as the
# result is still this many times as large as what is wanted. At 3, vectors stay within a cosine of 0.9995 of those of
# the whole picture (benchmarks/jobs/large_photos.py), and a photograph of 12 megapixels takes a third of the time.
SCALED_DECODE_MARGIN = 3

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Pixels = npt.NDArray[np.uint8]


def decode_image(content: bytes, side_px: int, resize: str) -> Pixels | Reject:
    """Return RGB uint8 of shape (side_px, side_px, 3), or why there is none: `decode_failed` or `too_many_pixels`.

    The first frame is turned upright by its EXIF orientation, transparency is laid on white, 16-bit gray is scaled to
    8 bits, and then Pillow resizes the whole picture without keeping its proportions. Color profiles are not applied.
    JPEGs with sides of 6 `side_px` and more are decoded at a reduced scale; all else is as Pillow has it, bit for bit.
    """
    try:
        with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
            width_px, height_px = image.size
            if width_px * height_px > MAX_PIXELS:
                return Reject("too_many_pixels", f"{width_px} x {height_px}, the limit is {MAX_PIXELS}")
            # Only a JPEG can be decoded at a reduced scale, and Pillow never goes below the size that it is given.
            image.draft(None, (SCALED_DECODE_MARGIN * side_px, SCALED_DECODE_MARGIN * side_px))
            image.load()
            picture = _on_white(_upright(image))
            return np.asarray(picture.resize((side_px, side_px), RESIZES[resize]))
    except Image.DecompressionBombError as error:
        return Reject("too_many_pixels", str(error))
    except DAMAGE_ERRORS as error:
        return Reject("decode_failed", f"{type(error).__name__}: {error}")


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except DAMAGE_ERRORS:
        # Good pixels with a damaged EXIF block are taken as they lie, as viewers do.
        return image
    return image if turn is None else image.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """Return the image as RGB, whatever its mode was."""
    if image.mode.startswith("I;16"):
        gray = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(gray.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no set range, so none that is white")
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels).convert("RGB")
    return image.convert("RGB")
