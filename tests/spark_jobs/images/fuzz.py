"""Damaged images of every format against sniffing, decoding, EXIF and thumbnails: no exception, no waste.

The suite gives it 20 seconds. By hand: `PYTHONPATH=.:spark_jobs python -m tests.spark_jobs.images.fuzz IMAGES [SEED]`.
It raises at the first failure, after Hypothesis has made it small, and says the seed that makes it again.
"""

import itertools
import random
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from image_features.images.decode import decode_image
from image_features.images.formats import readable_format, reject_by_content
from image_features.images.orientation import turn_upright
from image_features.rejects import Reject
from image_features.schemas import REJECT_REASONS
from image_features.validate.report.thumbnails import to_data_uri
from tests.spark_jobs import pictures

MOST_SECONDS, MOST_BYTES = 10, 2**30
IMAGES_OF_ONE_SEED = 250
# The inputs of public bug reports lie next to the repository, where they are there at all.
INPUTS = next((f / "shared/inputs" for f in Path(__file__).resolve().parents if (f / "shared/inputs").is_dir()), None)
NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, 50_000, 100_000_000)


def corpus() -> list[bytes]:
    """Small images of every format, mode and compression that Pillow can write, and the inputs."""
    picture, exif = pictures.fruit(33, 21), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr")
    compressions: tuple[object, ...] = ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits", "zstd", "group4")
    animated: dict[str, object] = {"save_all": True, "append_images": [picture]}
    ways: dict[str, list[dict[str, object]]] = {
        "JPEG": [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"exif": exif}],
        "PNG": [{}, {"exif": exif}, animated],
        "GIF": [{}, animated],
        "BMP": [{}],
        "WEBP": [{}, {"lossless": True}, {"exif": exif}],
        "TIFF": [{"exif": exif}, *({"compression": name} for name in compressions)],
        "AVIF": [{"speed": 10}, {"speed": 10, "exif": exif}],
        "JPEG2000": [{}, {"irreversible": True}],
    }
    images = []
    for mode, file_format in itertools.product(modes, ways):
        drawn = Image.new(mode, picture.size) if mode in ("I;16", "YCbCr") else picture.convert(mode)
        for options in ways[file_format]:
            try:
                images.append(pictures.encoded(drawn, file_format, **options))
            except (OSError, ValueError, KeyError):
                continue  # This format has no such mode.
    inputs = [path.read_bytes() for path in sorted(INPUTS.iterdir())] if INPUTS else []
    return images + inputs


def damaged(content: bytes, numbers: random.Random, others: list[bytes]) -> bytes:
    """The content after one to six mishaps."""
    for _ in range(numbers.choice((1, 1, 1, 2, 3, 6))):
        content = _mishap(content, numbers, numbers.choice(others))
    return content


def _mishap(content: bytes, numbers: random.Random, other: bytes) -> bytes:
    # Headers decide more than pixels do.
    at = min(numbers.randrange(len(content) + 1), numbers.choice((64, 400, len(content))))
    order, number, length = numbers.choice("<>"), numbers.choice(NUMBERS), numbers.choice((1, 2, 4, 16, 200))
    match numbers.randrange(8):
        case 0:
            put, lost = bytes([numbers.randrange(256)]), 1
        case 1:
            put, lost = bytes(byte ^ 1 << numbers.randrange(8) for byte in content[at : at + 1]), 1
        case 2:
            put, lost = struct.pack(f"{order}I", number), 4
        case 3:
            put, lost = struct.pack(f"{order}H", number & 0xFFFF), 2
        case 4:
            put, lost = b"", length
        case 5:
            put, lost = content[at : at + length], 0
        case 6:
            start = numbers.randrange(len(other))
            put, lost = other[start : start + length], 0
        case _:
            return content[: max(at, 4)]
    return content[:at] + put + content[at + lost :]


def check(content: bytes) -> str:
    """What became of it: `decoded`, or the reason. Raises for all that may not be."""
    started = time.monotonic()
    sniffed = reject_by_content("s3://b/1.jpg", content)
    assert (sniffed is None) == (readable_format(content) is not None)
    turn_upright(content)
    outcome = decode_image(content, 8, "bilinear")
    thumbnail = to_data_uri(content)
    assert isinstance(thumbnail, Reject) == isinstance(outcome, Reject)
    took = time.monotonic() - started
    assert took < MOST_SECONDS, f"{took:.1f} s"
    if isinstance(outcome, Reject):
        assert outcome.reason in REJECT_REASONS
        return outcome.reason
    assert outcome.shape == (8, 8, 3)
    assert outcome.dtype == np.uint8
    return "decoded"


def run(first_seed: int, is_over: Callable[[int], bool]) -> Counter[str]:
    """Check damaged images, some hundreds with each seed, until it is over; returns what became of how many."""
    originals, outcomes = corpus(), Counter[str]()
    number = first_seed

    def one(original: bytes, numbers: random.Random) -> None:
        outcomes[check(damaged(original, numbers, originals))] += 1

    while not is_over(outcomes.total()):
        given_one = given(st.sampled_from(originals), st.randoms(use_true_random=False, note_method_calls=False))(one)
        several = settings(
            max_examples=IMAGES_OF_ONE_SEED,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        with warnings.catch_warnings(action="ignore"):
            seed(number)(several(given_one))()
        number += 1
    return outcomes


def main(argv: list[str]) -> None:
    images, first_seed = int(argv[0]), int(argv[1]) if argv[1:] else random.randrange(10**6)
    sys.stdout.write(f"seed {first_seed}\n")
    started = time.monotonic()
    outcomes = run(first_seed, lambda done: done >= images)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    took = time.monotonic() - started
    sys.stdout.write(f"{outcomes.total()} images in {took:.0f} s, peak {peak / 2**20:.0f} MiB: {dict(outcomes)}\n")
    assert peak < MOST_BYTES


if __name__ == "__main__":
    main(sys.argv[1:])
