"""The demo set: enough pictures, always the same, and a few bad files, fewer than the run's limit."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from tools.data import demo_photos
from tools.data.demo_photos import EDITION, FRUITS, make_demo_photos


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_photos(tmp_path_factory.mktemp("drawn") / "demo")


def photos(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_100.jpg"))


def test_each_fruit_has_thirty_pictures_to_train_and_ten_to_test(demo: Path) -> None:
    counts = Counter(path.parent.relative_to(demo).as_posix() for path in photos(demo))
    assert counts == {
        f"{split}/{fruit}": count for fruit in FRUITS for split, count in (("Training", 30), ("Test", 10))
    }


def test_pictures_are_small_jpegs_on_white_and_no_two_alike(demo: Path) -> None:
    seen = set()
    for path in photos(demo):
        with Image.open(path) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (100, 100), "RGB")
            assert image.convert("L").getpixel((1, 1)) > 200  # type: ignore[operator]
            seen.add(image.tobytes())
    assert len(seen) == len(photos(demo))


@pytest.mark.slow
def test_the_same_set_is_drawn_every_time_and_one_that_was_broken_off_is_completed(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo.edition").write_text(EDITION)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(demo_photos, "_add_hostile_files", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_demo_photos(tmp_path / "demo")
    again = make_demo_photos(tmp_path / "demo")
    assert len(photos(again)) == len(photos(demo))
    assert (again / "Training/Lemon/notes.jpg").is_file()
    for path in photos(demo):
        assert digest(path) == digest(again / path.relative_to(demo))


def test_bad_files_are_there_and_below_the_limit_of_five_percent(demo: Path) -> None:
    others = sorted(path.name for path in demo.rglob("*") if path.is_file() and path not in photos(demo))
    assert others == [".DS_Store", "notes.jpg", "truncated.jpg"]
    with pytest.raises(UnidentifiedImageError):
        Image.open(demo / "Training/Lemon/notes.jpg")
    with pytest.raises(OSError, match="truncated"):
        Image.open(demo / "Training/Lemon/truncated.jpg").load()
    assert len(others) / len(photos(demo)) < 0.05


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
