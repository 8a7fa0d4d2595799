"""Draws the demo set: six fruits on white, in Training and Test, and a few files that are no photographs.

The pictures are drawn, not taken: they show that the pipeline works, not how good its features are.
"""

import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SIDE_PX = 100
SCALE = 4
"""Drawn larger and reduced, which smooths the edges."""
IMAGES_PER_FRUIT = {"Training": 30, "Test": 10}
SEED = 360
EDITION = "1"
"""Changes when the pictures do, so that an older demo set is drawn again."""

Color = tuple[int, int, int]
Draw = ImageDraw.ImageDraw
Painter = Callable[[Draw, float, float, float, random.Random], None]
STEM: Color = (92, 64, 38)


def make_demo_photos(folder: Path) -> Path:
    """Draw the set into `folder`, unless it is there already; always the same bytes for the same edition and Pillow."""
    complete = folder.with_name(f"{folder.name}.edition")
    if folder.is_dir() and complete.is_file() and complete.read_text(encoding="utf-8") == EDITION:
        return folder
    # Whoever is interrupted below leaves half a set.
    complete.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    for fruit, paint in FRUITS.items():
        for split, count in IMAGES_PER_FRUIT.items():
            (folder / split / fruit).mkdir(parents=True)
            for number in range(count):
                dice = random.Random(f"{SEED}/{split}/{fruit}/{number}")
                photo = _photo(paint, dice)
                photo.save(folder / split / fruit / f"{number:03d}_100.jpg", quality=90)
    _add_hostile_files(folder)
    complete.write_text(EDITION, encoding="utf-8")
    return folder


def _add_hostile_files(folder: Path) -> None:
    """Write what real folders hold as well: a hidden file, a damaged photograph, a text with a photograph's name."""
    lemon = folder / "Training" / "Lemon"
    whole = (lemon / "000_100.jpg").read_bytes()
    (lemon / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(64))
    (lemon / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (lemon / "notes.jpg").write_text("bought on the market, 1.20 a kilo\n", encoding="utf-8")


def _photo(paint: Painter, dice: random.Random) -> Image.Image:
    side = SIDE_PX * SCALE
    image = Image.new("RGB", (side, side), "white")
    radius = side * dice.uniform(0.26, 0.38)
    x, y = (side / 2 + dice.uniform(-0.08, 0.08) * side for _ in range(2))
    paint(ImageDraw.Draw(image), x, y, radius, dice)
    image = image.rotate(dice.uniform(-40, 40), Image.Resampling.BICUBIC, fillcolor="white")
    image = image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    grain = Image.frombytes("L", image.size, dice.randbytes(SIDE_PX * SIDE_PX)).filter(ImageFilter.GaussianBlur(0.6))
    return Image.blend(image, Image.merge("RGB", [grain] * 3), dice.uniform(0.03, 0.10))


def _varied(color: Color, dice: random.Random, spread: int = 22) -> Color:
    red, green, blue = (max(0, min(255, value + dice.randint(-spread, spread))) for value in color)
    return red, green, blue


def _ball(draw: Draw, x: float, y: float, rx: float, ry: float, color: Color, dice: random.Random) -> None:
    """Draw an ellipse, shaded in rings towards a highlight off its middle."""
    towards_x, towards_y = dice.uniform(-0.4, 0.4), dice.uniform(-0.5, -0.1)
    rings = 24
    for ring in range(rings):
        share = 1 - ring / rings
        light = 0.72 + 0.45 * (ring / rings)
        red, green, blue = (min(255, int(value * light + 60 * (ring / rings) ** 4)) for value in color)
        cx, cy = x + towards_x * rx * (1 - share), y + towards_y * ry * (1 - share)
        draw.ellipse((cx - rx * share, cy - ry * share, cx + rx * share, cy + ry * share), fill=(red, green, blue))


def _stem(draw: Draw, x: float, y: float, length: float, dice: random.Random) -> None:
    draw.line((x, y, x + dice.uniform(-0.3, 0.3) * length, y - length), fill=STEM, width=3 * SCALE)


def _apple(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    _stem(draw, x, y - radius * 0.8, radius * 0.4, dice)
    _ball(draw, x, y, radius, radius * 0.93, _varied((186, 32, 38), dice), dice)


def _orange(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    _ball(draw, x, y, radius, radius, _varied((238, 134, 24), dice), dice)
    for _ in range(60):
        angle, away = dice.uniform(0, 2 * math.pi), radius * math.sqrt(dice.random()) * 0.9
        px, py = x + away * math.cos(angle), y + away * math.sin(angle)
        draw.ellipse((px, py, px + SCALE, py + SCALE), fill=(205, 105, 12))


def _lemon(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    color = _varied((238, 214, 58), dice)
    for end in (-radius, radius):
        _ball(draw, x + end, y, radius * 0.28, radius * 0.2, color, dice)
    _ball(draw, x, y, radius, radius * 0.72, color, dice)


def _pear(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    color = _varied((168, 182, 62), dice)
    _stem(draw, x, y - radius * 1.15, radius * 0.35, dice)
    _ball(draw, x, y - radius * 0.6, radius * 0.5, radius * 0.62, color, dice)
    _ball(draw, x, y + radius * 0.25, radius * 0.85, radius * 0.8, color, dice)


def _banana(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    color, width = _varied((232, 200, 52), dice), int(radius * dice.uniform(0.38, 0.5))
    box = (x - radius, y - radius * 1.3, x + radius, y + radius * 0.7)
    draw.arc(box, 15, 165, fill=(150, 120, 30), width=width)
    draw.arc(tuple(edge + SCALE for edge in box), 18, 162, fill=color, width=max(1, width - 3 * SCALE))


def _blueberries(draw: Draw, x: float, y: float, radius: float, dice: random.Random) -> None:
    color = _varied((52, 62, 128), dice)
    for _ in range(dice.randint(4, 7)):
        bx, by = x + dice.uniform(-0.6, 0.6) * radius, y + dice.uniform(-0.6, 0.6) * radius
        _ball(draw, bx, by, radius * 0.42, radius * 0.42, color, dice)
        draw.regular_polygon((bx, by, radius * 0.13), 5, fill=(28, 34, 74))


FRUITS: dict[str, Painter] = {
    "Apple": _apple,
    "Banana": _banana,
    "Blueberry": _blueberries,
    "Lemon": _lemon,
    "Orange": _orange,
    "Pear": _pear,
}
