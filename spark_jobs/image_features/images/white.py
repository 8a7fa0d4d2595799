"""A decoded image as RGB on white, whatever its mode was. Pure."""

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

# So many pixels are converted at a time: transparency takes five pictures of its size, and only the result is kept.
_STRIP_PIXELS = 2**20
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0


def on_white(image: ImageFile.ImageFile) -> Image.Image:
    """Return the picture as RGB. Raises what Pillow raises on damage, and ValueError for numbers without a range."""
    frame = image.tile[0].extents if image.format == "GIF" and image.tile else None
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    image.load()
    whole = (0, 0, *image.size)
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no set range, so none that is white")
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        # Programs leave the fourth byte zero, and viewers take such a picture for opaque.
        return image.convert("RGB")
    if image.mode == "RGB" and not image.has_transparency_data and frame in (None, whole):
        return image
    white = 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1
    return _pasted(image, frame or whole, white, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def _pasted(picture: Image.Image, frame: tuple[int, int, int, int], white: int, is_negative: bool) -> Image.Image:
    """Return the frame on white, converted strip by strip; around a frame of a GIF there is nothing."""
    left, top, right, bottom = frame
    canvas = Image.new("RGB", picture.size, "white")
    rows = max(1, _STRIP_PIXELS // max(1, right - left))
    for upper in range(top, bottom, rows):
        strip = picture.crop((left, upper, right, min(upper + rows, bottom)))
        if strip.mode.startswith("I;16"):
            strip = _gray_of_16_bits(strip, white, is_negative)
        elif strip.has_transparency_data:
            pixels = strip.convert("RGBA")
            strip = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
        canvas.paste(strip.convert("RGB"), (left, upper))
    return canvas


def _gray_of_16_bits(strip: Image.Image, white: int, is_negative: bool) -> Image.Image:
    """Return the strip scaled to 8 bits; its transparent value becomes white."""
    gray = (np.minimum(np.arange(2**16), white) * 255 + white // 2) // white
    if is_negative:
        gray = 255 - gray
    if "transparency" in strip.info:
        gray[strip.info["transparency"]] = 255
    return Image.fromarray(gray.astype(np.uint8)[np.asarray(strip)])
