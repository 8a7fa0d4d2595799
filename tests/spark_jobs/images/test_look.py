"""The look of a photograph: its size is the file's own, and its measures tell dark, light, blurred, flat and gray."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from image_features.images.decode import Seen, decode_image, see_image
from image_features.images.look import THUMBNAIL_PX, Look
from tests.spark_jobs import pictures


def encoded(picture: Image.Image, exif: Image.Exif | None = None) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=92, **({"exif": exif} if exif else {}))
    return content.getvalue()


def look(picture: Image.Image, exif: Image.Exif | None = None) -> Look:
    seen = see_image(encoded(picture, exif), 224, "bilinear")
    assert isinstance(seen, Seen)
    return seen.look


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """Colored shapes with edges, at the network's own size."""
    picture = Image.open(io.BytesIO(pictures.jpeg(3, 16, 16))).convert("RGB").resize((320, 200), 0)
    return ImageEnhance.Contrast(picture).enhance(1.5)


def test_pixels_are_those_that_are_decoded_without_a_look(photograph: Image.Image) -> None:
    seen = see_image(encoded(photograph), 64, "bicubic")
    assert isinstance(seen, Seen)
    np.testing.assert_array_equal(seen.pixels, np.asarray(decode_image(encoded(photograph), 64, "bicubic")))


def test_the_size_is_that_of_the_file_as_a_viewer_shows_it(photograph: Image.Image) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert (look(photograph).width_px, look(photograph).height_px) == (320, 200)
    assert (look(photograph, turned).width_px, look(photograph, turned).height_px) == (200, 320)
    # So large that it is decoded at a fraction of its size.
    large = look(photograph.resize((3200, 2000)), turned)
    assert (large.width_px, large.height_px) == (2000, 3200)


def test_measures_move_with_what_was_done_to_a_photograph(photograph: Image.Image) -> None:
    plain = look(photograph)
    assert look(ImageEnhance.Brightness(photograph).enhance(0.2)).brightest < 0.25 < plain.brightest
    assert look(Image.blend(photograph, Image.new("RGB", photograph.size, "white"), 0.97)).darkest > 0.9 > plain.darkest
    assert look(photograph.filter(ImageFilter.GaussianBlur(8))).sharpness < plain.sharpness / 20
    assert look(photograph.convert("L")).colorfulness < 0.01 < 0.05 < plain.colorfulness
    assert look(Image.new("RGB", (50, 50), "teal")).entropy == 0 < 3 < plain.entropy


def test_the_entropy_of_two_equal_halves_is_one_bit() -> None:
    halves = Image.new("RGB", (224, 224), "black")
    halves.paste("white", (112, 0, 224, 224))
    png = io.BytesIO()
    halves.save(png, "PNG")
    seen = see_image(png.getvalue(), 224, "bilinear")
    assert isinstance(seen, Seen)
    assert (seen.look.entropy, seen.look.darkest, seen.look.brightest) == (1.0, 0.0, 1.0)


def test_the_thumbnail_shows_the_photograph(photograph: Image.Image) -> None:
    made = look(photograph).thumbnail
    assert len(made) < 2_000
    shown = Image.open(io.BytesIO(made)).convert("RGB")
    assert shown.size == (THUMBNAIL_PX, THUMBNAIL_PX)
    expected = np.asarray(photograph.resize(shown.size, Image.Resampling.BILINEAR), float)
    assert np.abs(np.asarray(shown, float) - expected).mean() < 20
