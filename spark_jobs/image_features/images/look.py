"""What a photograph looks like: its size, its quality in a few numbers, and a thumbnail, all from its pixels. Pure."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

THUMBNAIL_PX = 48
# A higher method takes longer, and makes pictures of this size hardly smaller.
_QUALITY, _METHOD = 50, 2
_DARK_SHARE, _BRIGHT_SHARE = 0.05, 0.99


@dataclass(frozen=True)
class Look:
    """The size of the picture as viewers show it, measures of its quality, and a WebP of at most 48 by 48 pixels.

    Of the pixels' brightness, from 0 to 1, `darkest` is the 5 % quantile and `brightest` the 99 % quantile; `entropy`
    is in bits, from 0 to 8. `sharpness` is the mean square of the brightness' Laplacian, in grays of 255.
    `colorfulness` is the mean distance of a pixel's largest color channel from its smallest one, from 0 for gray to 1.
    All are measured on the square that the network sees, and so is the thumbnail.
    """

    width_px: int
    height_px: int
    darkest: float
    brightest: float
    entropy: float
    sharpness: float
    colorfulness: float
    thumbnail: bytes


def look_of(pixels: npt.NDArray[np.uint8], width_px: int, height_px: int) -> Look:
    """Return the look of RGB pixels of shape (side, side, 3), which a picture of this size was resized to."""
    square = Image.fromarray(pixels)
    # A half of the network's side: noise of single pixels is no sharpness, and it takes a quarter of the time.
    small = square.reduce(2) if len(pixels) > 2 * THUMBNAIL_PX else square
    gray = small.convert("L")
    shares = np.array(gray.histogram(), np.float64) / (gray.width * gray.height)
    grown, some = np.cumsum(shares), shares[shares > 0]
    quantiles = np.searchsorted(grown, (_DARK_SHARE, _BRIGHT_SHARE)) / 255
    # Channel by channel, for NumPy is ten times slower along an axis of three.
    red, green, blue = np.moveaxis(np.asarray(small)[::2, ::2], 2, 0)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    thumbnail = io.BytesIO()
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    small.save(thumbnail, "WEBP", quality=_QUALITY, method=_METHOD)
    return Look(
        width_px=width_px,
        height_px=height_px,
        darkest=float(quantiles[0]),
        brightest=float(quantiles[1]),
        entropy=float(-(some * np.log2(some)).sum()) + 0.0,
        sharpness=_sharpness(np.asarray(gray, np.int16)),
        colorfulness=float(spread.mean()) / 255,
        thumbnail=thumbnail.getvalue(),
    )


def _sharpness(gray: npt.NDArray[np.int16]) -> float:
    middle = 4 * gray[1:-1, 1:-1]
    laplacian = middle - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    flat = laplacian.ravel().astype(np.float32)
    return float(flat @ flat) / max(flat.size, 1)
