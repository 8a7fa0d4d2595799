"""What one photograph may cost: bytes to read, pixels to make, scans to go through. Pure."""

from image_features.rejects import Reject

MAX_OBJECT_BYTES = 64 * 2**20

# With these limits one decode takes about 600 MB at most; benchmarks/jobs/decode_peaks.py measures it.
# A JPEG of one sequential scan is never held whole: it is reduced while it is decoded.
MAX_REDUCED_PIXELS = 200_000_000
# Pixels that are made. Pillow holds 4 bytes for each, twice while a picture is turned. (Cameras of 50 megapixels
# make 50.3.)
MAX_PIXELS = 50_500_000
# Their decoders hold several pictures of the whole size, and JPEG 2000 needs a second for 7 megapixels.
MAX_PIXELS_OF = {"WEBP": 25_000_000, "AVIF": 25_000_000, "JPEG2000": 20_000_000}
# No JPEG can say more. Pillow needs 8 bytes for every row, and resizing 32 bytes for every pixel of a side.
MAX_SIDE_PX = 65_535
# The most that libtiff allows, too. Encoders write about 10; each one goes through all blocks of the picture again.
MAX_SCANS = 100
# Pillow reads a BMP of runs in Python: a second for 4 MB.
MAX_RUN_LENGTH_BYTES = 16 * 2**20


class RefusedImageError(Exception):
    """An image that is not decoded, with the reject that it becomes."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reject = Reject(reason, detail)
        super().__init__(detail)


def check_pixels(width_px: int, height_px: int, most: int) -> None:
    """Raise RefusedImageError for a picture of more than `most` pixels, or with a side over MAX_SIDE_PX."""
    if width_px * height_px > most or max(width_px, height_px) > MAX_SIDE_PX:
        limit = f"the limit is {most} pixels and {MAX_SIDE_PX} on a side"
        raise RefusedImageError("too_many_pixels", f"{width_px} x {height_px}, {limit}")


def check_number(reason: str, number: int, most: int, of_what: str) -> None:
    """Raise RefusedImageError with this reason for a number over `most`."""
    if number > most:
        raise RefusedImageError(reason, f"{number} {of_what}, the limit is {most}")
