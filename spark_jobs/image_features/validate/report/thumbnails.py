"""Small JPEGs of photographs as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from image_features.images.decode import use_picture
from image_features.images.limits import MAX_OBJECT_BYTES
from image_features.storage import objects

if TYPE_CHECKING:
    from image_features.rejects import Reject

logger = logging.getLogger(__name__)

SIDE_PX = 112
QUALITY = 72
# Each may hold MAX_OBJECT_BYTES. Only one of them decodes at a time, which may take 600 MB (`images/limits.py`).
REQUESTS = 4


def thumbnails(uris: Iterable[str], read_bytes: Callable[[str], bytes]) -> dict[str, str]:
    """Return a data URI for each photograph that can still be read; the page has a gray square for any other."""
    distinct, decoding = sorted(set(uris)), Lock()
    with ThreadPoolExecutor(REQUESTS) as pool:
        made = pool.map(lambda uri: _thumbnail(uri, read_bytes, decoding), distinct)
        return {uri: data_uri for uri, data_uri in zip(distinct, made, strict=True) if data_uri}


def read_photograph(uri: str) -> bytes:
    """Return the content of a photograph, or nothing if it has grown over MAX_OBJECT_BYTES since it was ingested."""
    return objects.read_object(uri, MAX_OBJECT_BYTES, REQUESTS).content


def to_data_uri(content: bytes) -> str | Reject:
    """Return a square JPEG cut from the middle of what the network saw, or why there is none."""
    return use_picture(content, 2 * SIDE_PX, _square_jpeg)


def _square_jpeg(picture: Image.Image) -> str:
    jpeg = io.BytesIO()
    ImageOps.fit(picture, (SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS).save(jpeg, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"


def _thumbnail(uri: str, read_bytes: Callable[[str], bytes], decoding: Lock) -> str | None:
    try:
        content = read_bytes(uri)
    except Exception as error:
        # No report should fail because of a picture, whatever keeps it from being read.
        logger.warning("no thumbnail of %s: %s", uri, error)
        return None
    with decoding:
        made = to_data_uri(content)
    if isinstance(made, str):
        return made
    logger.warning("no thumbnail of %s: %s: %s", uri, made.reason, made.detail)
    return None
