"""Bringing a folder in: the bucket's folder mirrors it, whatever is in it."""

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.data.bring import bring
from tools.data.mirror import Mirror, bring_folder
from tools.errors import SourceError
from tools.local.home import LocalHome


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    return LocalHome(root=tmp_path / "home")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "my photos"
    write(folder / "Training" / "Apple" / "a.jpg", "apple")
    write(folder / "Test" / "Pear" / "b.jpg", "pear")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def landing(home: LocalHome) -> Path:
    return home.bucket_path / "landing" / "my photos"


def test_a_folder_is_linked_under_its_own_name_and_takes_no_room(home: LocalHome, photos: Path) -> None:
    mirrored = bring_folder(photos, home)

    assert mirrored.uri == "s3://fruit-features/landing/my photos"
    assert (mirrored.linked, mirrored.copied, mirrored.unchanged, mirrored.removed) == (2, 0, 0, 0)
    assert contents(landing(home)) == {"Training/Apple/a.jpg": "apple", "Test/Pear/b.jpg": "pear"}
    assert (landing(home) / "Test/Pear/b.jpg").samefile(photos / "Test/Pear/b.jpg")


def test_where_links_cannot_be_files_are_copied_and_not_copied_twice(
    home: LocalHome, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)

    assert bring_folder(photos, home).copied == 2
    assert bring_folder(photos, home).unchanged == 2
    assert contents(landing(home)) == contents(photos)


def test_the_second_time_changes_are_followed_and_what_is_gone_goes(home: LocalHome, photos: Path) -> None:
    bring_folder(photos, home)
    (photos / "Training/Apple/a.jpg").unlink()
    write(photos / "Training/Apple/a.jpg", "another apple")
    shutil.rmtree(photos / "Test")
    write(photos / "c.jpg", "cherry")

    mirrored = bring_folder(photos, home)

    assert contents(landing(home)) == {"Training/Apple/a.jpg": "another apple", "c.jpg": "cherry"}
    assert (mirrored.linked, mirrored.removed) == (2, 1)
    assert not (landing(home) / "Test").exists()


def test_a_file_that_became_a_folder_and_the_reverse_are_followed(home: LocalHome, photos: Path) -> None:
    write(photos / "x", "file")
    write(photos / "y" / "inner.jpg", "inner")
    bring_folder(photos, home)
    (photos / "x").unlink()
    write(photos / "x" / "inner.jpg", "inner")
    shutil.rmtree(photos / "y")
    write(photos / "y", "file")

    bring_folder(photos, home)

    assert contents(landing(home)) == contents(photos)


@pytest.mark.parametrize(
    "name", ["a b.jpg", "50%.jpg", "a+b.jpg", "#1.jpg", "Äpfel é.jpg", "🍎.jpg", "%20.jpg", "a\\b"]
)
def test_odd_names_are_kept(home: LocalHome, photos: Path, name: str) -> None:
    write(photos / "odd" / name, "odd")
    bring_folder(photos, home)
    assert (landing(home) / "odd" / name).read_text() == "odd"


def test_links_are_followed_but_not_in_a_circle(home: LocalHome, photos: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "d.jpg", "date")
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    (photos / "linked.jpg").symlink_to(tmp_path / "elsewhere" / "d.jpg")
    (photos / "Test" / "up").symlink_to(photos)
    (photos / "gone.jpg").symlink_to(tmp_path / "nowhere")

    mirrored = bring_folder(photos, home)

    found = contents(landing(home))
    assert found["linked/d.jpg"] == found["linked.jpg"] == "date"
    assert len(found) == 4
    assert not (landing(home) / "linked.jpg").is_symlink()
    assert sorted(mirrored.left_out) == ["Test/up: a link to a folder above it", "gone.jpg: a broken link"]


def test_the_buckets_themselves_are_not_brought_in(photos: Path) -> None:
    home = LocalHome(root=photos / ".local")
    bring_folder(photos, home)
    bring_folder(photos, home)
    assert len(contents(home.bucket_path)) == 2


def test_pipes_and_names_that_are_no_utf8_are_left_out_by_name(home: LocalHome, photos: Path) -> None:
    os.mkfifo(photos / "pipe")
    (photos / os.fsdecode(b"\xff.jpg")).write_text("x")
    mirrored = bring_folder(photos, home)
    assert mirrored.linked == 2
    assert [line.partition(": ")[2] for line in mirrored.left_out] == [
        "not a file",
        "its name is not UTF-8, which keys are",
    ]


@pytest.mark.parametrize(
    ("source", "says"),
    [("nowhere", "no such folder"), ("file.jpg", "is a file"), ("empty", "holds no file")],
)
def test_what_is_no_folder_of_photographs_is_refused(home: LocalHome, tmp_path: Path, source: str, says: str) -> None:
    write(tmp_path / "file.jpg", "x")
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(SourceError, match=f"{source}.*{says}"):
        bring_folder(tmp_path / source, home)


def test_no_draft_is_left_beside_the_buckets(home: LocalHome, photos: Path) -> None:
    bring_folder(photos, home)
    assert {path.name for path in home.root.iterdir()} == {"mirrors", "s3"}


def test_another_folder_of_the_same_name_is_refused_and_nothing_is_lost(
    home: LocalHome, photos: Path, tmp_path: Path
) -> None:
    bring_folder(photos, home)
    other = tmp_path / "other" / photos.name
    write(other / "c.jpg", "cherry")
    with pytest.raises(SourceError, match=f"mirrors another folder, {photos}; give one of the two another name"):
        bring_folder(other, home)
    assert contents(landing(home)) == contents(photos)


def test_what_was_uploaded_to_the_bucket_is_not_removed(home: LocalHome, photos: Path) -> None:
    bring_folder(photos, home)
    write(landing(home) / "Test" / "Pear" / "uploaded.jpg", "the only copy")
    shutil.rmtree(photos / "Test")
    assert bring_folder(photos, home).removed == 1
    assert contents(landing(home)) == contents(photos) | {"Test/Pear/uploaded.jpg": "the only copy"}


@pytest.mark.parametrize("in_the_folder", ["another", None])
def test_an_upload_over_a_placed_file_is_never_lost(home: LocalHome, photos: Path, in_the_folder: str | None) -> None:
    bring_folder(photos, home)
    uploaded = landing(home) / "Test/Pear/b.jpg"
    uploaded.unlink()
    write(uploaded, "the only copy")
    (photos / "Test/Pear/b.jpg").unlink()
    (photos / "Training/Apple/a.jpg").unlink()
    if in_the_folder:
        write(photos / "Test/Pear/b.jpg", in_the_folder)
    write(photos / "c.jpg", "cherry")
    with pytest.raises(SourceError, match=r"Test/Pear/b\.jpg: was put into the bucket or changed there"):
        bring_folder(photos, home)
    assert contents(landing(home)) == {"Test/Pear/b.jpg": "the only copy", "Training/Apple/a.jpg": "apple"}


def test_a_run_that_was_killed_while_it_placed_files_is_gone_on_with(
    home: LocalHome, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("tools.data.mirror.Mirror.place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bring_folder(photos, home)
    assert bring_folder(photos, home).linked == 2
    (photos / "Test/Pear/b.jpg").unlink()
    assert bring_folder(photos, home).removed == 1


def test_an_update_that_was_killed_is_gone_on_with(
    home: LocalHome, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_folder(photos, home)
    for time in (1, 2):
        # As editors do that write another file and rename it.
        for path in (photos / "Training/Apple/a.jpg", photos / "Test/Pear/b.jpg"):
            path.unlink()
            write(path, f"changed {time}")
        with monkeypatch.context() as patched:
            patched.setattr("tools.data.mirror.Mirror.place", place_one_and_end(time))
            with pytest.raises(KeyboardInterrupt):
                bring_folder(photos, home)
    assert bring_folder(photos, home).unchanged == 1
    assert contents(landing(home)) == contents(photos)
    write(landing(home) / "Test/Pear/b.jpg.draft", "x")
    (landing(home) / "Test/Pear/b.jpg.draft").replace(landing(home) / "Test/Pear/b.jpg")
    with pytest.raises(SourceError, match="was put into the bucket or changed there"):
        bring_folder(photos, home)


def place_one_and_end(place: int) -> Callable[[Mirror, Path, Path], None]:
    """A `Mirror.place` that is interrupted at the file of this number."""
    real, called = Mirror.place, [0]

    def placed(mirror: Mirror, path: Path, target: Path) -> None:
        called[0] += 1
        if called[0] == place:
            raise KeyboardInterrupt
        real(mirror, path, target)

    return placed


def test_a_folder_that_cannot_be_read_is_not_taken_for_empty(
    home: LocalHome, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_folder(photos, home)
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("Pear"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match=r"Permission denied \(.*Pear\); free the disk or mend"):
        bring_folder(photos, home)
    monkeypatch.undo()
    assert contents(landing(home)) == contents(photos)


def test_a_name_that_is_no_utf8_is_printed_on_any_terminal(
    home: LocalHome, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / os.fsdecode(b"pi\xf1a.jpg")).write_text("x")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    bring(str(photos), home)
    assert "left out: pi\\udcf1a.jpg: its name is not UTF-8" in terminal.buffer.getvalue().decode()  # type: ignore[attr-defined]
