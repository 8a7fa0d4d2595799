"""How a camera was held: the one fact of an EXIF block that is used, read without the rest of it. Pure."""

from PIL import Image

ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDES_SWAPPED = {_TURNS[number] for number in (5, 6, 7, 8)}
"""The turns by which width and height change places."""
# How long a value is by its type: BYTE and LONG where programs have written them; all else is SHORT, as it should be.
_VALUE_BYTES = {1: 1, 4: 4}


def turn_upright(exif: bytes) -> Image.Transpose | None:
    """Return what turns the picture upright; None if it lies right, or if the block is damaged before it says so.

    The first directory alone is read, entry by entry, so no other tag can fail or take memory (EXIF 2.3, 4.6.2).
    """
    block = exif.removeprefix(b"Exif\0\0")
    little_endian = block.startswith(b"II")
    if not little_endian and not block.startswith(b"MM"):
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(block[at : at + size], "little" if little_endian else "big")

    directory = number(4, 4)
    for entry in range(directory + 2, min(directory + 2 + 12 * number(directory, 2), len(block)), 12):
        if number(entry, 2) == ORIENTATION_TAG:
            return _TURNS.get(number(entry + 8, _VALUE_BYTES.get(number(entry + 2, 2), 2)))
    return None
