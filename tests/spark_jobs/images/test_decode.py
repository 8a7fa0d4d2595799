"""Every kind of picture becomes the pixels that it should, or a reject."""

import io

import numpy as np
import pytest
from PIL import Image

from image_features.images import decode
from image_features.images.decode import Pixels, decode_image
from image_features.rejects import Reject
from tests.spark_jobs import pictures

SOUND = {
    "jpeg": pictures.jpeg(),
    "cmyk": pictures.cmyk_jpeg(),
    "16-bit": pictures.png_16_bit(),
    "palette": pictures.palette_png(),
    "palette with transparency": pictures.palette_png_with_transparency(),
    "alpha": pictures.half_transparent_png(),
    "grayscale": pictures.grayscale_jpeg(),
    "animated": pictures.animated_gif(),
    "rotated": pictures.rotated_by_exif(6),
    "webp": pictures.encoded(pictures.fruit(), "WEBP"),
    "tiff": pictures.encoded(pictures.fruit(), "TIFF"),
    "one bit": pictures.encoded(pictures.fruit().convert("1"), "PNG"),
}


def _pixels(content: bytes, side_px: int = 8, resize: str = "bilinear") -> Pixels:
    pixels = decode_image(content, side_px, resize)
    assert isinstance(pixels, np.ndarray), pixels
    return pixels


def _reject(content: bytes) -> Reject:
    reject = decode_image(content, 8, "bilinear")
    assert isinstance(reject, Reject)
    return reject


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND.keys())
def test_every_sound_kind_becomes_rgb(content: bytes) -> None:
    pixels = _pixels(content, side_px=16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 0


def test_bicubic_is_pillows_default_resize_to_the_last_bit() -> None:
    content = pictures.jpeg(4, 100, 100)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize((224, 224)))
    np.testing.assert_array_equal(_pixels(content, 224, "bicubic"), expected)
    assert (_pixels(content, 224, "bilinear") != expected).any()


def test_bilinear_enlarges_by_the_textbook_formula() -> None:
    gray = np.array([[0, 100], [40, 200]], dtype=np.uint8)
    content = pictures.encoded(Image.fromarray(gray), "PNG")
    # Output centers lie at 0.25, 0.75 of an input pixel; Pillow rounds after each of the two directions.
    weights = np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    np.testing.assert_allclose(_pixels(content, side_px=4)[..., 0], weights @ gray @ weights.T, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_as_its_exif_says(orientation: int) -> None:
    content = pictures.rotated_by_exif(orientation)
    stored = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    # EXIF 2.3, table of Orientation: which side of the stored rows and columns is the visual top and left.
    turned = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }[orientation]
    upright = pictures.encoded(Image.fromarray(turned), "PNG")
    np.testing.assert_array_equal(_pixels(content, 32), _pixels(upright, 32))


def test_transparency_is_laid_on_white() -> None:
    pixels = _pixels(pictures.half_transparent_png())
    np.testing.assert_array_equal(pixels[:, 0], [[0, 200, 0]] * 8)
    np.testing.assert_array_equal(pixels[:, -1], [[255, 255, 255]] * 8)


def test_a_transparent_palette_entry_is_white_too() -> None:
    pixels = _pixels(pictures.palette_png_with_transparency(), side_px=4)
    np.testing.assert_array_equal(pixels[0, 0], [255, 255, 255])
    np.testing.assert_array_equal(pixels[0, 3], [0, 0, 200])


def test_16_bit_gray_keeps_its_whole_range() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    pixels = _pixels(pictures.encoded(Image.fromarray(ramp), "PNG"), side_px=64)
    np.testing.assert_array_equal(pixels[..., 1], np.round(ramp / 257).astype(np.uint8))


def test_cmyk_has_the_colors_it_shows() -> None:
    red = Image.new("RGB", (16, 16), (200, 30, 40)).convert("CMYK")
    pixels = _pixels(pictures.encoded(red, "JPEG", quality=100))
    np.testing.assert_allclose(pixels[4, 4], [200, 30, 40], atol=6)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    np.testing.assert_array_equal(_pixels(pictures.animated_gif())[4, 4], [255, 0, 0])


def test_a_50_megapixel_photo_is_decoded() -> None:
    assert _pixels(pictures.png_of_zeros(8660, 5774)).shape == (8, 8, 3)


def test_a_truncated_photo_fails_with_a_detail() -> None:
    reject = _reject(pictures.truncated_jpeg())
    assert reject.reason == "decode_failed"
    assert "truncated" in str(reject.detail)


def test_pixels_without_a_set_range_are_refused() -> None:
    floats = Image.fromarray(np.linspace(0, 3, 64, dtype=np.float32).reshape(8, 8))
    assert _reject(pictures.encoded(floats, "TIFF")).reason == "decode_failed"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AttributeError("no such tag"), "decode_failed"),
        (MemoryError("4 GB"), "out_of_memory"),
        (OSError("out of memory error when reading image file"), "out_of_memory"),
    ],
)
def test_no_error_of_a_reader_leaves(monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(decode, "on_white", fail)
    assert _reject(pictures.jpeg()) == Reject(reason, f"{type(error).__name__}: {error}")


def test_a_large_jpeg_is_decoded_at_a_reduced_scale_and_looks_the_same() -> None:
    content = pictures.encoded(_with_fine_detail(2000, 1500), "JPEG", quality=92)
    whole = np.asarray(Image.open(io.BytesIO(content)).resize((224, 224), Image.Resampling.BILINEAR)).astype(int)
    difference = np.abs(_pixels(content, 224) - whole)
    # Not the same to the last bit, or it was not reduced; nowhere far from it, or it was reduced too much.
    assert 0 < difference.mean() < 0.5
    assert difference.max() <= 6


@pytest.mark.parametrize(("width", "height"), [(1343, 1343), (4000, 1343), (1343, 4000)])
def test_a_jpeg_with_a_side_below_six_times_the_side_is_decoded_whole(width: int, height: int) -> None:
    content = pictures.jpeg(1, width, height)
    whole = np.asarray(Image.open(io.BytesIO(content)).resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(_pixels(content, 224), whole)


def test_a_large_photograph_is_turned_upright_as_a_small_one_is() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = pictures.encoded(pictures.fruit(1600, 1400), "JPEG", quality=95, exif=exif)
    upright = Image.open(io.BytesIO(content)).transpose(Image.Transpose.ROTATE_270).resize((224, 224))
    assert np.abs(_pixels(content, 224).astype(int) - np.asarray(upright)).mean() < 1


def _with_fine_detail(width: int, height: int) -> Image.Image:
    grain = np.random.default_rng(0).normal(0, 20, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(pictures.fruit(width, height)) + grain, 0, 255).astype(np.uint8))
