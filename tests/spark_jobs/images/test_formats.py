"""An object is an image if its content says so, whatever its name is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_features.images.formats import (
    KEPT_BYTES,
    claims_image,
    readable_format,
    reject_by_content,
    reject_by_listing,
    reject_no_image,
)
from image_features.schemas import REJECT_REASONS
from tests.spark_jobs import pictures

TEXT = b"these are not the pixels you are looking for\n" * 20


def _reason(uri: str, content: bytes) -> str | None:
    reject = reject_by_content(uri, content)
    return reject.reason if reject else None


@pytest.mark.parametrize("extension", ["jpg", "txt", "", "dat"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_an_image_is_an_image_under_any_name(extension: str, file_format: str) -> None:
    content = pictures.encoded(pictures.fruit(), file_format)
    assert _reason(f"s3://b/Apple/1.{extension}", content) is None


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://b/Apple/1.jpg", "not_an_image"),
        ("s3://b/Apple/1.PNG", "not_an_image"),
        ("s3://b/Meta/README.txt", "ignored_object"),
        ("s3://b/Apple/.DS_Store", "ignored_object"),
        ("s3://b/Apple/._1.jpg", "ignored_object"),
        ("s3://b/Apple/README", "ignored_object"),
    ],
)
def test_other_content_is_rejected_by_what_its_name_claims(uri: str, reason: str) -> None:
    assert _reason(uri, TEXT) == reason


def test_a_reject_shows_what_the_content_starts_with() -> None:
    reject = reject_by_content("s3://b/1.jpg", b"%PDF-1.7 and more of it")
    assert reject is not None
    assert "%PDF-1.7" in str(reject.detail)


def test_a_text_that_begins_like_a_bitmap_format_pillow_knows_is_no_image() -> None:
    assert _reason("s3://b/notes", b"P3 is my favorite formula one team") == "ignored_object"


@pytest.mark.parametrize(
    "content",
    [pictures.truncated_jpeg(), pictures.decompression_bomb(), pictures.jpeg()[:4], pictures.palette_png()[:9]],
    ids=["truncated", "bomb", "first four bytes", "first nine bytes"],
)
def test_a_damaged_image_is_still_an_image(content: bytes) -> None:
    assert readable_format(content)


@pytest.mark.parametrize(
    ("first_bytes", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "camera raw"),
        (b"II*\0\x10\0\0\0CR\2\0\xaa\xbb\xcc\xdd", "camera raw"),
        (b"FUJIFILMCCD-RAW 0201FF", "camera raw"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"P6\n64 48\n255\n\xc8\x1e", "PPM"),
        (b"8BPS\0\1\0\0\0\0\0\0\0\3", "PSD"),
    ],
)
@pytest.mark.parametrize("uri", ["s3://b/Apple/1", "s3://b/Apple/1.jpg"])
def test_an_image_that_cannot_be_read_counts_and_its_format_is_named(uri: str, first_bytes: bytes, name: str) -> None:
    reject = reject_by_content(uri, first_bytes)
    assert reject is not None
    assert (reject.reason, str(reject.detail).split(",")[0]) == ("unsupported_format", name)
    assert reject == reject_no_image(uri, first_bytes[:KEPT_BYTES])


@pytest.mark.parametrize(("extension", "name"), [("NEF", "camera raw"), ("heic", "HEIC"), ("jxl", "JPEG XL")])
def test_an_extension_names_the_format_where_the_content_does_not(extension: str, name: str) -> None:
    reject = reject_by_content(f"s3://b/Apple/1.{extension}", TEXT)
    assert reject is not None
    assert reject.reason == "unsupported_format"
    assert str(reject.detail).startswith(name)


def test_an_avif_may_say_first_that_it_is_any_heif() -> None:
    content = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(50)
    assert readable_format(content) == "AVIF"


@pytest.mark.parametrize("text", [b"BM is a band from the north", b"P1 2024 results", b"<html><svg></svg>", b"II", b""])
def test_words_that_begin_as_a_signature_does_are_no_image(text: bytes) -> None:
    assert _reason("s3://b/notes.txt", text) == "ignored_object"


@pytest.mark.parametrize(
    ("uri", "size_bytes", "reason"),
    [
        ("s3://b/Apple/1.jpg", 0, "empty_object"),
        ("s3://b/Apple/", 0, "ignored_object"),
        ("s3://b/Apple/.DS_Store", 0, "ignored_object"),
        ("s3://b/Apple/1.jpg", 101, "object_too_large"),
        ("s3://b/Apple/1.jpg", 100, None),
    ],
)
def test_the_listing_alone_rejects_the_empty_and_the_too_large(uri: str, size_bytes: int, reason: str | None) -> None:
    reject = reject_by_listing(uri, size_bytes, max_bytes=100)
    assert (reject.reason if reject else None) == reason


@pytest.mark.parametrize(
    ("name", "claims"),
    [("1.jpg", True), ("1.JPEG", True), ("photo.heic", True), ("jpg", False), ("1.jpg.txt", False), (".jpg", False)],
)
def test_claims_image_reads_the_last_extension(name: str, claims: bool) -> None:
    assert claims_image(f"s3://b/Apple/{name}") == claims


@given(content=st.binary(max_size=300), name=st.sampled_from(["1.jpg", "notes.txt"]))
def test_no_bytes_break_it_and_every_reason_is_a_known_one(content: bytes, name: str) -> None:
    reason = _reason(f"s3://b/{name}", content)
    assert reason is None or reason in REJECT_REASONS
