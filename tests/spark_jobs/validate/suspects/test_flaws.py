"""Flaws: planted dark, light, flat, gray, blurred, large and long photographs are found, and no others."""

import io
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from image_features.images.decode import Seen, see_image
from image_features.validate.evidence.looks import MEASURES
from image_features.validate.suspects.flaws import FEWEST_OF_A_LABEL, find_flaws
from image_features.validate.suspects.notes import notes_of
from image_features.validate.suspects.suspects import Suspect
from image_features.validate.suspects.write_suspects import labels_file
from run_contract.labels import read_csv

PLANTED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "dark": lambda picture: ImageEnhance.Brightness(picture).enhance(0.2),
    "light": lambda picture: Image.blend(picture, Image.new("RGB", picture.size, "white"), 0.88),
    "low_information": lambda picture: Image.new("RGB", picture.size, "teal"),
    "gray": lambda picture: picture.convert("L").convert("RGB"),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(0.03 * picture.width)),
    "odd_size": lambda picture: picture.resize((picture.width // 4, picture.height // 4)),
    "odd_shape": lambda picture: picture.resize((2 * picture.width, picture.height // 2)),
}


def photograph(seed: int) -> Image.Image:
    """Leaves of many colors on a bright ground, with edges everywhere."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        (240, 180), Image.Resampling.NEAREST
    )
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def measured(pictures: dict[str, Image.Image], label: str | None = "Fig") -> pa.Table:
    rows = []
    for uri, picture in pictures.items():
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=90)
        seen = see_image(content.getvalue(), 224, "bilinear")
        assert isinstance(seen, Seen)
        rows.append({"uri": uri, "label": label, **vars(seen.look)})
    return pa.Table.from_pylist(rows).select(MEASURES)


@pytest.fixture(scope="module")
def sound() -> dict[str, Image.Image]:
    return {f"s3://b/in/{seed}.jpg": photograph(seed) for seed in range(40)}


def test_each_planted_flaw_is_found_and_no_sound_photograph_is(sound: dict[str, Image.Image]) -> None:
    planted = {f"s3://b/in/{flaw}.jpg": change(photograph(99)) for flaw, change in PLANTED.items()}
    flaws = find_flaws(measured(sound | planted))
    assert {one.uri.rpartition("/")[2]: one.flaw for one in flaws.found} == {f"{flaw}.jpg": flaw for flaw in PLANTED}
    assert (flaws.looked_at, flaws.usual) == (47, [])
    assert dict(flaws.counts) == dict.fromkeys(PLANTED, 1)


def test_what_most_photographs_have_is_no_flaw(sound: dict[str, Image.Image]) -> None:
    gray = {uri: PLANTED["gray"](picture) for uri, picture in sound.items()}
    flaws = find_flaws(measured(gray))
    assert (flaws.found, flaws.usual, dict(flaws.counts)) == ([], ["gray"], {"gray": 40})


def test_a_smooth_fruit_is_compared_with_its_own_label(sound: dict[str, Image.Image]) -> None:
    smooth = {f"s3://b/in/plum/{seed}.jpg": PLANTED["blurred"](photograph(seed)) for seed in range(FEWEST_OF_A_LABEL)}
    both = pa.concat_tables([measured(sound), measured(smooth, "Plum")])
    assert find_flaws(both).found == []
    few = pa.concat_tables([measured(sound), measured(smooth, "Plum").slice(0, 2)])
    assert [one.flaw for one in find_flaws(few).found] == ["blurred", "blurred"]


def test_no_photographs_have_no_flaws() -> None:
    flaws = find_flaws(pa.table({name: pa.array([], pa.float64()) for name in MEASURES}))
    assert (flaws.looked_at, flaws.found) == (0, [])


def test_a_photograph_with_two_doubts_has_one_row_in_the_labels_file(sound: dict[str, Image.Image]) -> None:
    flawed = find_flaws(measured(sound | {"s3://b/in/x.jpg": PLANTED["dark"](photograph(1))}, None)).found
    suspects = [Suspect("s3://b/in/x.jpg", "Fig", "Date", 0.9)]
    assert notes_of(suspects, flawed) == {"s3://b/in/x.jpg": "perhaps Date, doubt 0.90; dark"}
    corrections = read_csv(labels_file(suspects, flawed, "s3://b/in").splitlines(keepends=True))
    assert list(corrections) == ["x.jpg"]
