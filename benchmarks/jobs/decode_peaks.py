"""The memory and the processor time that one decode takes at the limit of its format.

`PYTHONPATH=.:spark_jobs python -m benchmarks.jobs.decode_peaks [KIND...]` prints a table.
Each picture is drawn in one process and decoded in another, which prints its peak over what the imports take.
"""

import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from image_features.images import limits
from image_features.images.decode import decode_image

# Name: format, mode, options of Pillow's writer, pixels. Turned pictures have EXIF's orientation 6.
KINDS: dict[str, tuple[str, str, dict[str, object], int]] = {
    "JPEG": ("JPEG", "RGB", {"quality": 60}, limits.MAX_REDUCED_PIXELS),
    "JPEG, not reducible": ("JPEG", "RGB", {"quality": 60}, limits.MAX_PIXELS),
    "JPEG, progressive": ("JPEG", "RGB", {"quality": 60, "progressive": True, "subsampling": 0}, limits.MAX_PIXELS),
    "JPEG, progressive CMYK": ("JPEG", "CMYK", {"quality": 60, "progressive": True}, limits.MAX_PIXELS),
    "PNG": ("PNG", "RGB", {"compress_level": 1}, limits.MAX_PIXELS),
    "PNG with transparency": ("PNG", "RGBA", {"compress_level": 1}, limits.MAX_PIXELS),
    "PNG of 16 bits": ("PNG", "I;16", {"compress_level": 1}, limits.MAX_PIXELS),
    "GIF": ("GIF", "P", {}, limits.MAX_PIXELS),
    "BMP": ("BMP", "P", {}, limits.MAX_PIXELS),
    "TIFF": ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}, limits.MAX_PIXELS),
    "TIFF with transparency": ("TIFF", "RGBA", {"compression": "tiff_lzw"}, limits.MAX_PIXELS),
    "WebP": ("WEBP", "RGB", {"quality": 50, "method": 0}, limits.MAX_PIXELS_OF["WEBP"]),
    "WebP, lossless": ("WEBP", "RGBA", {"lossless": True, "quality": 0, "method": 0}, limits.MAX_PIXELS_OF["WEBP"]),
    "AVIF": ("AVIF", "RGB", {"speed": 10, "quality": 60}, limits.MAX_PIXELS_OF["AVIF"]),
    "AVIF with transparency": ("AVIF", "RGBA", {"speed": 10, "quality": 60}, limits.MAX_PIXELS_OF["AVIF"]),
    "JPEG 2000": ("JPEG2000", "RGB", {"irreversible": True, "quality_layers": [30]}, limits.MAX_PIXELS_OF["JPEG2000"]),
    "JPEG 2000 with transparency": ("JPEG2000", "RGBA", {}, limits.MAX_PIXELS_OF["JPEG2000"]),
}


def draw(kind: str) -> bytes:
    file_format, mode, options, pixels = KINDS[kind]
    # Where a side is below six times what the network takes, no JPEG is reduced.
    height = 1340 if "not reducible" in kind or "progressive" in kind else int(pixels**0.5)
    width = min(pixels // height, 16383 if file_format == "WEBP" else limits.MAX_SIDE_PX)
    rows, columns = np.ogrid[:height, :width]
    gray = ((rows * 7 // 8 ^ columns) & 255).astype(np.uint8)
    # Each deletion frees what the next step needs: this process may not be larger than the machine.
    image = Image.fromarray(gray)
    if mode == "I;16":
        image = Image.fromarray(gray.astype(np.uint16) * 257)
    elif mode != "P":
        image = image.convert("RGBA" if mode == "RGBA" else "RGB").convert(mode)
        if mode == "RGBA":
            image.putalpha(128)
    exif = Image.Exif()
    exif[0x0112] = 6
    with_exif = {"exif": exif} if file_format in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF") else {}
    content = io.BytesIO()
    image.save(content, file_format, **{**options, **with_exif})
    return content.getvalue()


def measure(path: Path) -> str:
    content = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    outcome = decode_image(content, 224, "bilinear")
    took = time.process_time() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    is_decoded = isinstance(outcome, np.ndarray)
    return f"{len(content) / 1e6:5.1f} MB | {peak:4.0f} MB | {took:4.1f} s |{'' if is_decoded else f' {outcome}'}"


def main(argv: list[str]) -> None:
    if argv[:1] == ["draw"]:
        Path(argv[2]).write_bytes(draw(argv[1]))
    elif argv[:1] == ["measure"]:
        sys.stdout.write(measure(Path(argv[1])))
    else:
        for kind in argv or KINDS:
            with tempfile.NamedTemporaryFile() as file:
                this = [sys.executable, "-m", "benchmarks.jobs.decode_peaks"]
                subprocess.run([*this, "draw", kind, file.name], check=True)
                done = subprocess.run([*this, "measure", file.name], check=True, capture_output=True, text=True)
            sys.stdout.write(f"| {kind} | {KINDS[kind][3] / 1e6:.0f} megapixels | {done.stdout}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
