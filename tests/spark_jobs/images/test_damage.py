"""A picture that lacks parts is refused, and what makes no pixels decides nothing."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from image_features.images.decode import Pixels, decode_image
from image_features.rejects import Reject
from tests.spark_jobs import pictures

PICTURE = pictures.fruit(200, 200)
JPEGS = {
    "plain": pictures.encoded(PICTURE, "JPEG", quality=95),
    "gray": pictures.encoded(PICTURE.convert("L"), "JPEG", quality=95),
    "cmyk": pictures.encoded(PICTURE.convert("CMYK"), "JPEG", quality=95),
    "with restarts": pictures.encoded(PICTURE, "JPEG", quality=95, restart_marker_rows=1),
}
PROGRESSIVE = pictures.encoded(PICTURE, "JPEG", quality=95, progressive=True)
ROWS = b"".join(b"\0" + row.tobytes() for row in np.asarray(pictures.fruit(20, 20)))
END = b"\xff\xd9"


def _pixels(content: bytes) -> Pixels:
    outcome = decode_image(content, 16, "bilinear")
    assert isinstance(outcome, np.ndarray), outcome
    return outcome


def _reason(content: bytes) -> str | None:
    outcome = decode_image(content, 16, "bilinear")
    return outcome.reason if isinstance(outcome, Reject) else None


@pytest.mark.parametrize("end", [END, b""], ids=["with end marker", "without"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.98])
@pytest.mark.parametrize("content", JPEGS.values(), ids=JPEGS.keys())
def test_a_jpeg_that_is_cut_fails_with_or_without_an_end_marker(content: bytes, share: float, end: bytes) -> None:
    assert _reason(content[: int(len(content) * share)] + end) == "decode_failed"


@pytest.mark.parametrize("content", JPEGS.values(), ids=JPEGS.keys())
def test_a_jpeg_that_lacks_nothing_but_its_end_marker_is_decoded(content: bytes) -> None:
    np.testing.assert_array_equal(_pixels(content.removesuffix(END)), _pixels(content))


def test_a_progressive_jpeg_without_all_of_its_scans_fails() -> None:
    scans = [at for at in range(len(PROGRESSIVE)) if PROGRESSIVE.startswith(b"\xff\xda", at)]
    for start in scans[1:]:
        assert _reason(PROGRESSIVE[:start] + END) == "decode_failed"


def test_a_sequential_jpeg_of_several_scans_needs_one_for_each_component() -> None:
    plain = JPEGS["gray"]
    frame, scan = plain.index(b"\xff\xc0"), plain.index(b"\xff\xda")
    three = plain[:frame] + b"\xff\xc0\0\x11\x08\0\xc8\0\xc8\3\1\x11\0\2\x11\0\3\x11\0" + plain[frame + 13 : scan]
    scans = [plain[scan:-2].replace(b"\xff\xda\0\x08\1\1", b"\xff\xda\0\x08\1%c" % number) for number in (1, 2, 3)]
    assert _reason(three + b"".join(scans) + END) is None
    assert _reason(three + scans[0] + END) == "decode_failed"


def test_a_cut_in_the_last_scan_of_a_progressive_jpeg_costs_little() -> None:
    last = PROGRESSIVE.rindex(b"\xff\xda")
    cut = _pixels(PROGRESSIVE[: last + 100] + END).astype(int)
    assert np.abs(cut - _pixels(PROGRESSIVE)).max() <= 4


def test_a_progressive_jpeg_without_its_end_marker_is_decoded_if_it_lacks_nothing_else() -> None:
    sound = PROGRESSIVE.removesuffix(END)
    np.testing.assert_array_equal(_pixels(sound), _pixels(PROGRESSIVE))
    last = sound.rindex(b"\xff\xda") + 14
    for length in range(last, len(sound) - 8, 97):
        assert _reason(sound[:length]) == "decode_failed", length


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xe1\0\x0aExif\0\0II",
        b"\xff\xe0\0\x08JFIF\0\1",
        b"\xff\xe2\0\x0eICC_PROFILE\0",
        b"\xff\xe2\0\x08MPF\0II",
        b"\xff\xed\0\x14Photoshop 3.0\0" + b"8BIM",
        b"\xff\xfe\0\x02words between segments",
    ],
)
def test_a_segment_of_a_jpeg_that_makes_no_pixels_may_be_damaged(segment: bytes) -> None:
    content = JPEGS["plain"]
    np.testing.assert_array_equal(_pixels(content[:2] + segment + content[2:]), _pixels(content))


def test_what_lies_behind_a_jpeg_does_not_count() -> None:
    content = JPEGS["plain"]
    np.testing.assert_array_equal(_pixels(content + b"\0\0\0\x18ftypmp42" + JPEGS["gray"]), _pixels(content))


@pytest.mark.parametrize(
    "chunk",
    [(b"zTXt", b"a\0\0not compressed"), (b"iCCP", b"a\0\7"), (b"tIME", b""), (b"eXIf", b"MM"), (b"fcTL", bytes(3))],
    ids=lambda chunk: chunk[0].decode(),
)
def test_a_chunk_of_a_png_that_makes_no_pixels_may_be_damaged(chunk: tuple[bytes, bytes]) -> None:
    content, plain = pictures.png(20, 20, 8, 2, ROWS, chunk), pictures.png(20, 20, 8, 2, ROWS)
    wrong_checksum = content.replace(chunk[0] + chunk[1], chunk[0] + chunk[1][::-1])
    for damaged in (content, wrong_checksum):
        np.testing.assert_array_equal(_pixels(damaged), _pixels(plain))


@pytest.mark.parametrize("rows", [0, 1, 10, 19])
def test_a_png_whose_data_ends_before_its_last_row_fails(rows: int) -> None:
    assert _reason(pictures.png(20, 20, 8, 2, ROWS[: rows * 61])) == "decode_failed"


def test_a_black_png_is_no_png_without_rows() -> None:
    assert _pixels(pictures.png(20, 20, 8, 2, bytes(len(ROWS)))).max() == 0


def test_an_interlaced_png_without_its_last_pass_fails() -> None:
    black = bytes(4 + 4 + 4 + 2 * 6 + 2 * 4 + 4 * 6 + 2 * 6 + 4 * 13)
    content = pictures.png(4, 4, 8, 2, black)
    content = content.replace(
        struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0), struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 1)
    )
    fields = content.index(b"IHDR")
    assert fields == 12
    assert _reason(content) == "decode_failed"


@pytest.mark.parametrize(
    ("depth", "color", "row", "key"),
    [
        (2, 0, b"\x10", b"\0\0"),
        (4, 0, b"\x01", b"\0\0"),
        (8, 0, b"\x05\x06", b"\xff\x05"),
        (16, 0, b"\x12\x34\x12\x35", b"\x12\x34"),
        (8, 2, b"\1\2\3\4\5\6", b"\0\1\0\2\0\3"),
        (16, 2, b"\x12\xff\x34\xff\x56\xff" + bytes(6), b"\x12\xff\x34\xff\x56\xff"),
    ],
)
def test_the_transparent_color_of_a_png_is_white_at_any_depth(depth: int, color: int, row: bytes, key: bytes) -> None:
    pixels = _pixels(pictures.png(2, 1, depth, color, b"\0" + row, (b"tRNS", key)))
    np.testing.assert_array_equal(pixels[0, 0], 255)
    assert pixels[0, -1].max() < 128


def test_a_gif_is_white_around_a_first_frame_that_is_smaller() -> None:
    content = bytearray(pictures.encoded(Image.new("P", (8, 8), 1), "GIF"))
    content[6:10] = struct.pack("<HH", 16, 8)
    pixels = _pixels(bytes(content))
    np.testing.assert_array_equal(pixels[:, -1], np.full((16, 3), 255))
    assert pixels[0, 0].tolist() != [255, 255, 255]


@pytest.mark.parametrize("alpha", [0, 128])
def test_only_a_bmp_that_is_transparent_all_over_is_taken_for_opaque(alpha: int) -> None:
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + masks + bytes(52)
    colors = bytes([40, 30, 200, alpha, 40, 30, 200, 0])
    pixels = _pixels(struct.pack("<2sIII", b"BM", 130, 0, 122) + header + colors)
    assert pixels[0, -1].tolist() == ([200, 30, 40] if alpha == 0 else [255, 255, 255])


def test_a_negative_tiff_of_16_bits_is_shown_as_a_positive() -> None:
    ramp = Image.fromarray(np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16))
    positive, negative = (pictures.encoded(ramp, "TIFF", tiffinfo={262: kind}) for kind in (1, 0))
    np.testing.assert_array_equal(_pixels(negative), 255 - _pixels(positive))


@pytest.mark.parametrize("tiffinfo", [{254: 1}, {50706: b"\1\4\0\0"}])
def test_a_preview_in_a_camera_raw_file_is_not_taken_for_the_photograph(tiffinfo: dict[int, object]) -> None:
    assert _reason(pictures.encoded(PICTURE, "TIFF", tiffinfo=tiffinfo)) == "unsupported_format"


def test_an_exif_block_that_is_damaged_elsewhere_still_turns_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    block = bytearray(exif.tobytes())
    block[block.index(b"\x01\x1a") + 4 :][:4] = b"\xff\xff\xff\xff"
    for file_format in ("JPEG", "PNG", "WEBP"):
        content, plain = (io.BytesIO(), io.BytesIO())
        PICTURE.save(content, file_format, exif=bytes(block), quality=100)
        PICTURE.save(plain, file_format, quality=100)
        np.testing.assert_allclose(_pixels(content.getvalue()), np.rot90(_pixels(plain.getvalue()), -1), atol=2)
