"""Hostile and plain pictures as bytes, made in code: one of each kind that the stages must survive."""

import io
import re
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def fruit(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    """A smooth RGB picture; no two seeds look alike."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def jpeg(seed: int = 0, width: int = 40, height: int = 30) -> bytes:
    return encoded(fruit(width, height, seed), "JPEG", quality=95)


def apples(first: int, last: int) -> dict[str, bytes]:
    """Photographs by their path under a source, numbered from `first` to before `last`."""
    return {f"Apple/{number:03d}.jpg": jpeg(number) for number in range(first, last)}


def truncated_jpeg() -> bytes:
    content = encoded(fruit(200, 200), "JPEG", quality=95)
    return content[: len(content) // 2]


def rotated_by_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(fruit(60, 20), "JPEG", quality=100, subsampling=0, exif=exif)


def cmyk_jpeg() -> bytes:
    return encoded(fruit().convert("CMYK"), "JPEG", quality=100)


def png_16_bit() -> bytes:
    ramp = np.linspace(0, 65535, 40 * 30).astype(np.uint16).reshape(30, 40)
    return encoded(Image.fromarray(ramp), "PNG")


def palette_png() -> bytes:
    return encoded(fruit().quantize(32), "PNG")


def palette_png_with_transparency() -> bytes:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([200, 0, 0, 0, 0, 200])
    picture.paste(1, (2, 0, 4, 4))
    return encoded(picture, "PNG", transparency=0)


def half_transparent_png() -> bytes:
    """Left half opaque green, right half fully transparent black."""
    picture = Image.new("RGBA", (8, 8), (0, 200, 0, 255))
    picture.paste((0, 0, 0, 0), (4, 0, 8, 8))
    return encoded(picture, "PNG")


def grayscale_jpeg() -> bytes:
    return encoded(fruit().convert("L"), "JPEG")


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


def decompression_bomb() -> bytes:
    """A valid PNG header of 30,000 x 30,000 pixels over a few bytes."""
    return png_of_zeros(30_000, 30_000, rows=1)


def png_of_zeros(width: int, height: int, rows: int | None = None) -> bytes:
    """A grayscale PNG, all black, without holding its pixels; `rows` fewer than `height` leave it unfinished."""
    packer = zlib.compressobj(1)
    line = bytes(width + 1)
    data = b"".join(packer.compress(line) for _ in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def jpeg_that_says(content: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its frame header."""
    frame = re.search(rb"\xff[\xc0\xc2]\0.\x08", content, re.DOTALL)
    assert frame
    return content[: frame.end()] + struct.pack(">HH", height, width) + content[frame.end() + 4 :]


def tiff_of_one_tile(side: int) -> bytes:
    """A TIFF of 16 x 16 pixels that lie in one compressed tile of `side` pixels squared."""
    tags = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: 2}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIxx", b"II", 42, 10) + struct.pack("<H", len(tags)) + entries + bytes(4)


def png(width: int, height: int, depth: int, color: int, data: bytes, *others: tuple[bytes, bytes]) -> bytes:
    """A PNG of rows as they are stored, each with its filter byte; chunks of `others` come before its data."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = ((b"IHDR", header), *others, (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
