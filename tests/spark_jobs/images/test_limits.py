"""No photograph costs more than it may, and what is refused is refused before pixels are made."""

import resource

import pytest

from image_features.images import limits
from image_features.images.decode import decode_image
from image_features.rejects import Reject
from tests.spark_jobs import pictures

PROGRESSIVE = pictures.encoded(pictures.fruit(64, 48), "JPEG", progressive=True)
TOO_LARGE = {
    "bomb": pictures.decompression_bomb(),
    "PNG": pictures.png_of_zeros(20_000, limits.MAX_PIXELS // 20_000 + 1, rows=1),
    "wide": pictures.png_of_zeros(limits.MAX_SIDE_PX + 1, 1),
    "high": pictures.png_of_zeros(1, limits.MAX_SIDE_PX + 1),
    "JPEG": pictures.jpeg_that_says(pictures.jpeg(), 20_000, limits.MAX_REDUCED_PIXELS // 20_000 + 1),
    "JPEG that cannot be reduced": pictures.jpeg_that_says(pictures.jpeg(), 60_000, 1_000),
    "progressive JPEG": pictures.jpeg_that_says(PROGRESSIVE, 20_000, limits.MAX_PIXELS // 20_000 + 1),
    "WebP of 34 bytes": b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (16_000).to_bytes(3, "little") * 2 + bytes(4),
    "TIFF tile": pictures.tiff_of_one_tile(60_000),
}


@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_too_many_pixels_are_refused_before_they_are_made(content: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reject = decode_image(content, 224, "bilinear")
    assert isinstance(reject, Reject)
    assert reject.reason == "too_many_pixels"
    assert "limit" in str(reject.detail)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "kilobytes"


def test_a_jpeg_of_many_scans_is_refused() -> None:
    scan = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
    scans = PROGRESSIVE.count(b"\xff\xda")
    most = PROGRESSIVE[:-2] + scan * (limits.MAX_SCANS - scans)
    assert not isinstance(decode_image(most + b"\xff\xd9", 8, "bilinear"), Reject)
    reject = decode_image(most + scan + b"\xff\xd9", 8, "bilinear")
    assert isinstance(reject, Reject)
    assert reject.reason == "too_many_scans"
