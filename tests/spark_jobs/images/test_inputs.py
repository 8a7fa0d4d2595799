"""Inputs of public bug reports: what becomes of each, by the four corners of its picture or by its reject."""

from pathlib import Path

import numpy as np
import pytest

from image_features.images.decode import decode_image
from image_features.images.formats import reject_by_content
from tests.spark_jobs.images.fuzz import INPUTS

RED, GREEN, BLUE, YELLOW, WHITE = (200, 30, 40), (30, 180, 60), (40, 60, 200), (220, 210, 50), (255, 255, 255)
PLAIN = (RED, GREEN, BLUE, YELLOW)
# EXIF's orientation 6: what was below on the left is now above on the left.
TURNED = (BLUE, RED, YELLOW, GREEN)
OUTCOMES: dict[str, str | tuple[tuple[int, ...], ...]] = {
    "bad_crc_phys.png": PLAIN,
    "bmp_alpha_all_zero_v4.bmp": PLAIN,
    "cmyk_without_adobe.jpg": PLAIN,
    "cut_with_eoi.jpg": "decode_failed",
    "dnl.jpg": "decode_failed",
    "exif6_xres_ascii.jpg": TURNED,
    "exif6_ycbcr_byte.jpg": TURNED,
    "exif_xres_one_byte.jpg": PLAIN,
    "first_40_bytes.png": "decode_failed",
    "gif_small_first_frame.gif": (WHITE, WHITE, WHITE, YELLOW),
    "interlaced.png": PLAIN,
    "iphone_heic_named.jpg": "unsupported_format",
    "mpo_large_turned.jpg": TURNED,
    "photo.jxl": "unsupported_format",
    "photo.ppm": "unsupported_format",
    "progressive.jpg": PLAIN,
    "rgb16_trns.png": (WHITE, RED, WHITE, RED),
    "tiff_gray16_white_is_zero.tif": ((246,) * 3, (9,) * 3, (246,) * 3, (9,) * 3),
    "without_eoi.jpg": PLAIN,
    "ycck.jpg": PLAIN,
    "ztxt_2mb.png": PLAIN,
}


@pytest.fixture
def inputs() -> Path:
    if INPUTS is None:
        pytest.skip("the folder shared/inputs is not here")
    return INPUTS


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("uri", ["s3://b/Apple/1", "s3://b/Apple/1.jpg"])
def test_an_input_becomes_pixels_or_a_reject_under_any_name(inputs: Path, name: str, uri: str) -> None:
    content = (inputs / name).read_bytes()
    outcome = reject_by_content(uri, content) or decode_image(content, 16, "bilinear")
    if not isinstance(outcome, np.ndarray):
        assert outcome.reason == OUTCOMES[name], outcome.detail
        return
    corners = outcome[[1, 1, -2, -2], [1, -2, 1, -2]].astype(int)
    np.testing.assert_allclose(corners, np.array(OUTCOMES[name]), atol=3)


def test_every_input_has_its_outcome_here(inputs: Path) -> None:
    assert {path.name for path in inputs.iterdir()} == set(OUTCOMES)
