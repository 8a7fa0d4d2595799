"""A JPEG without what makes no pixels, with its scans counted and its end made checkable. Pure."""

import re
from dataclasses import dataclass

# Inside a scan, FF 00 is a stuffed byte, FF D0 to FF D7 restart it, and FF FF is padding: none of them ends it.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SEQUENTIAL = (0xC0, 0xC1)
# Lossless frames have no coefficients.
_WITH_COEFFICIENTS = (*_SEQUENTIAL, 0xC2, 0xC9, 0xCA)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE, _EXIF = 0xDA, 0xD9, 0xE1
# Application segments and comments.
_METADATA = {*range(0xE0, 0xF0), 0xFE}
# Only these two say how colors are to be read, and Pillow reads further than a damaged one goes.
_COLOR_SEGMENTS = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}

# Eight bytes of ones: libjpeg reads that far ahead. As data of a scan they make two blocks of 8 x 8 pixels at most.
_READ_AHEAD = b"\xff\x00" * 8
_END = b"\xff\xd9"
_OTHER_DATA = bytes(number * 89 % 255 for number in range(64))
# More of them are made to cost time. A JPEG of 100 scans with tables of their own has 300.
_MOST_SEGMENTS = 10_000


@dataclass(frozen=True)
class JpegStream:
    """The part of a JPEG that makes pixels, and its first EXIF block; `reducible` if it need not be held whole.

    `ended` says whether there was an end marker. Without one, several scans are whole if `continued` makes the same
    pixels: libjpeg reads the data behind them only if they lack some of their own.
    """

    content: bytes
    exif: bytes
    scans: int
    reducible: bool
    complete: bool
    ended: bool

    @property
    def continued(self) -> bytes:
        """The stream of several scans with other data before its end marker."""
        return self.content.removesuffix(_END) + _OTHER_DATA + _END


def jpeg_stream(content: bytes) -> JpegStream:
    """Return the stream of the first picture in the file; what lies between its segments or behind it does not count.

    libjpeg only warns of a scan that ends too early, paints the rest gray, and Pillow hides the warning. So a JPEG of
    one scan gets no end marker: libjpeg then waits for data where it would have painted, and Pillow raises. A JPEG
    that has all its data and lacks the marker is whole by the same rule. Several scans need the marker, and are
    `complete` if they bring every bit of every coefficient: a cut in the last of them, followed by a marker, is not
    seen without a second decode, and costs the last bit of sharpness below the cut.
    """
    pieces: list[bytes] = [content[:2]]
    scans: list[bytes] = []
    exif, frame, kind, code, end = b"", b"", 0, 0, 2
    for _ in range(_MOST_SEGMENTS):
        marker = _MARKER.search(content, end)
        start = marker.start() if marker else len(content)
        if code == _START_OF_SCAN:
            pieces.append(content[end:start])
        if not marker:
            break
        code = content[start + 1]
        if code == _END_OF_IMAGE or (scans and not _several(kind, frame, scans)):
            break
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4])
        if code in _METADATA:
            segment = content[start + 4 : end]
            if code == _EXIF and segment.startswith(b"Exif\0\0"):
                exif = exif or segment
            starts, least = _COLOR_SEGMENTS.get(code, (b"", len(content)))
            if len(segment) < least or not segment.startswith(starts):
                continue
        elif code in _FRAMES:
            kind, frame = code, content[start + 4 : end]
        elif code == _START_OF_SCAN:
            scans.append(content[start + 4 : end])
        pieces.append(content[start:end])
    several = _several(kind, frame, scans)
    pieces.append(_END if several else _READ_AHEAD)
    complete = not several or kind not in _WITH_COEFFICIENTS or _refined(frame, scans)
    return JpegStream(b"".join(pieces), exif, len(scans), not several, complete, code == _END_OF_IMAGE)


def _several(kind: int, frame: bytes, scans: list[bytes]) -> bool:
    """Return whether libjpeg holds the whole picture until the end marker, as it does if scans add to one another.

    Arithmetic coding counts as well: it leaves zeros out at its end, so that it cannot do without the marker.
    """
    return kind not in _SEQUENTIAL or len(frame) < 6 or not scans or scans[0][:1] != frame[5:6]


def _refined(frame: bytes, scans: list[bytes]) -> bool:
    """Return whether the scans bring each component's 64 coefficients to their last bit.

    A scan says for which components, for which coefficients (from, to), and which bit is the last (ITU-T T.81, B.2.3).
    """
    whole: set[tuple[int, int]] = set()
    for scan in scans:
        components = scan[1 : 1 + 2 * scan[0] : 2] if scan else b""
        first, last, bits = (*scan[-3:], 0, 0, 1)[:3]
        if bits & 15 == 0:
            whole.update((component, place) for component in components for place in range(first, last + 1))
    return all((component, place) in whole for component in frame[6::3] for place in range(64))
