"""Thumbnails show what the network saw, and none of them can make the report fail or take its memory."""

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from image_features.errors import ObjectNotFoundError
from image_features.images.limits import MAX_OBJECT_BYTES
from image_features.storage import objects
from image_features.storage.objects import StoredObject
from image_features.validate.report import thumbnails as module
from image_features.validate.report.thumbnails import SIDE_PX, read_photograph, thumbnails, to_data_uri
from tests.spark_jobs import pictures

GOOD = "s3://bucket/good.jpg"


def thumbnail_of(content: bytes) -> Image.Image:
    made = to_data_uri(content)
    assert isinstance(made, str), made
    header, _, encoded = made.partition(",")
    assert header == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


@pytest.mark.parametrize("error", [ObjectNotFoundError("s3://bucket/bad.jpg"), AttributeError("no such tag")])
def test_a_photograph_that_cannot_be_read_is_left_out_and_named(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def read_bytes(uri: str) -> bytes:
        if uri != GOOD:
            raise error
        return pictures.jpeg()

    assert set(thumbnails([GOOD, "s3://bucket/bad.jpg"], read_bytes)) == {GOOD}
    assert "s3://bucket/bad.jpg" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"%!PS-Adobe-3.0 EPSF-3.0", pictures.truncated_jpeg(), pictures.decompression_bomb()]
)
def test_a_photograph_that_cannot_be_decoded_is_left_out_with_the_reason(
    content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    contents = {GOOD: pictures.jpeg(), "s3://bucket/bad.jpg": content}
    assert set(thumbnails(contents, contents.__getitem__)) == {GOOD}
    assert any(f"s3://bucket/bad.jpg: {reason}" in caplog.text for reason in ("decode_failed", "too_many_pixels"))


def test_one_photograph_decodes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[bytes] = []
    most = []

    def decode(content: bytes) -> str:
        running.append(content)
        time.sleep(0.01)
        most.append(len(running))
        running.remove(content)
        return "data:"

    monkeypatch.setattr(module, "to_data_uri", decode)
    assert len(thumbnails([f"s3://bucket/{number}.jpg" for number in range(8)], lambda _: b"")) == 8
    assert max(most) == 1


def test_no_more_of_a_photograph_is_read_than_of_an_object_in_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_object(_uri: str, max_bytes: int, _connections: int) -> StoredObject:
        assert max_bytes == MAX_OBJECT_BYTES
        return StoredObject(b"", max_bytes + 1, "etag")

    monkeypatch.setattr(objects, "read_object", read_object)
    assert read_photograph(GOOD) == b""


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "RGBA", "I;16", "LA"])
def test_a_thumbnail_is_a_small_square_jpeg_whatever_the_photograph_is(mode: str) -> None:
    thumbnail = thumbnail_of(pictures.encoded(Image.new(mode, (300, 200)), "TIFF"))
    assert (thumbnail.format, thumbnail.mode, thumbnail.size) == ("JPEG", "RGB", (SIDE_PX, SIDE_PX))


def test_a_thumbnail_is_the_middle_of_the_photograph_upright_on_white() -> None:
    # Left red, middle half green and half transparent, right blue; the camera lay on its side.
    pixels = np.zeros((200, 600, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, :200, 0] = pixels[:100, 200:400, 1] = pixels[:, 400:, 2] = 255
    pixels[100:, 200:400, 3] = 0
    photograph = Image.fromarray(pixels)
    exif = photograph.getexif()
    exif[0x0112] = 3
    thumbnail = np.asarray(thumbnail_of(pictures.encoded(photograph, "PNG", exif=exif))).astype(int)
    np.testing.assert_allclose(thumbnail[SIDE_PX // 4, SIDE_PX // 2], (255, 255, 255), atol=12)
    np.testing.assert_allclose(thumbnail[SIDE_PX * 3 // 4, SIDE_PX // 2], (0, 255, 0), atol=12)


def test_a_thumbnail_of_16_bits_is_as_bright_as_what_the_network_saw() -> None:
    gray = Image.fromarray(np.full((30, 30), 128 * 257, np.uint16))
    assert abs(int(np.asarray(thumbnail_of(pictures.encoded(gray, "PNG")))[50, 50, 0]) - 128) <= 2
