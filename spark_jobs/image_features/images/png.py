"""A PNG without what makes no pixels, so that a text or a checksum of it never decides. Pure."""

import struct
import zlib
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_GRAY, _COLOR = 0, 2
# Where each pass of an interlaced picture starts and how far it steps: x, y, dx, dy (PNG specification, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# Bytes of compressed data: they become 16 MB at most.
_INFLATED_AT_ONCE = 2**14


@dataclass(frozen=True)
class PngStream:
    """The chunks of a PNG that make its default image, its EXIF block, and the compressed rows for `has_all_rows`."""

    content: bytes
    exif: bytes
    header: tuple[int, ...]
    rows: bytes

    def has_all_rows(self) -> bool:
        """Return whether the compressed data has every byte of every row; Pillow leaves black what is not there."""
        width, height, depth, color, _, _, interlaced = self.header
        bits, needed = depth * _CHANNELS[color], 0
        for x, y, dx, dy in _PASSES if interlaced else ((0, 0, 1, 1),):
            columns, rows = -((x - width) // dx), -((y - height) // dy)
            needed += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
        inflater = zlib.decompressobj()
        for at in range(0, len(self.rows), _INFLATED_AT_ONCE):
            if needed <= 0 or inflater.eof:
                break
            needed -= len(inflater.decompress(self.rows[at : at + _INFLATED_AT_ONCE]))
        return needed <= 0


def png_stream(content: bytes) -> PngStream:
    """Return the stream of the default image; damage in chunks that make pixels stays in it."""
    chunks: dict[bytes, bytes] = {}
    rows, exif, position, view = [], b"", len(_SIGNATURE), memoryview(content)
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        chunk = view[position : position + 12 + length]
        if kind == b"IDAT":
            rows.append(chunk[8 : 8 + length])
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):
            chunks.setdefault(kind, bytes(chunk))
        elif kind == b"eXIf":
            exif = bytes(chunk[8 : 8 + length])
        elif kind == b"IEND":
            break
        position += 12 + length
    header = chunks.get(b"IHDR", b"")
    fields = struct.unpack_from(">IIBBBBB", header, 8) if len(header) >= 21 else (0,) * 7
    if b"tRNS" in chunks:
        chunks[b"tRNS"] = _as_pillow_compares(chunks[b"tRNS"], fields[2], fields[3])
    joined = b"".join(rows)
    data = _chunk(b"IDAT", joined) if rows else b""
    return PngStream(b"".join((_SIGNATURE, *chunks.values(), data, _chunk(b"IEND", b""))), exif, fields, joined)


def _as_pillow_compares(chunk: bytes, depth: int, color: int) -> bytes:
    """Return the chunk of the transparent color with samples as Pillow has the pixels; nothing if it is damaged.

    Pillow compares it with pixels that it has stretched to 8 bits or, if they are colors of 16 bits, cut to 8.
    """
    body = chunk[8:-4]
    if chunk != _chunk(b"tRNS", body):
        return b""
    if color not in (_GRAY, _COLOR) or depth == 1 or (color == _GRAY and depth == 16) or len(body) % 2:
        return chunk
    samples = struct.unpack(f">{len(body) // 2}H", body)
    most = 2**depth - 1
    eight_bit = [sample >> 8 if depth == 16 else (sample & most) * 255 // most for sample in samples]
    return _chunk(b"tRNS", struct.pack(f">{len(samples)}H", *eight_bit))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
