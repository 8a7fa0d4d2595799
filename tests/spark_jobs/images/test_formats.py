"""An object is an image if its content says so, whatever its name is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_features.images.formats import claims_image, reject_by_content, reject_by_listing, starts_as_image
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
    assert not starts_as_image(b"P3 is my favorite formula one team")


@pytest.mark.parametrize(
    "content", [pictures.truncated_jpeg(), pictures.decompression_bomb()], ids=["truncated", "bomb"]
)
def test_a_damaged_image_is_still_an_image(content: bytes) -> None:
    assert starts_as_image(content)


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
