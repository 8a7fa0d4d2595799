"""Small JPEGs of photographs as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps

from image_features.errors import ImageFeaturesError

logger = logging.getLogger(__name__)

SIDE_PX = 112
QUALITY = 72
REQUESTS = 8


def thumbnails(uris: Iterable[str], read_bytes: Callable[[str], bytes]) -> dict[str, str]:
    """Return a data URI for each photograph that can still be read: no report should fail because of a picture."""
    distinct = sorted(set(uris))
    with ThreadPoolExecutor(REQUESTS) as pool:
        made = pool.map(lambda uri: _thumbnail(uri, read_bytes), distinct)
        return {uri: data_uri for uri, data_uri in zip(distinct, made, strict=True) if data_uri}


def to_data_uri(content: bytes) -> str:
    """Return a square JPEG cut from the middle. Raises what Pillow raises on content that is no image."""
    with Image.open(io.BytesIO(content)) as photograph:
        # Lets a JPEG of 12 megapixels be decoded at an eighth of its size.
        photograph.draft("RGB", (SIDE_PX * 2, SIDE_PX * 2))
        upright = ImageOps.exif_transpose(photograph).convert("RGBA")
    on_white = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    jpeg = io.BytesIO()
    ImageOps.fit(on_white, (SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS).save(jpeg, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"


def _thumbnail(uri: str, read_bytes: Callable[[str], bytes]) -> str | None:
    try:
        return to_data_uri(read_bytes(uri))
    except (ImageFeaturesError, OSError, ValueError, Image.DecompressionBombError) as error:
        logger.warning("no thumbnail of %s: %s", uri, error)
        return None
