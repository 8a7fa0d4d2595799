"""What a URI's folders say of an object."""

import hashlib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_features.ingest.labels import Labels
from image_features.ingest.manifest import image_id, manifest_row
from image_features.storage.objects import ListedObject
from run_contract.labels import IGNORED_FOLDER, SPLITS, Facts

SOURCE = "s3://lake/landing/fruits"
NAME = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
FOLDER = NAME.filter(lambda name: not re.search(IGNORED_FOLDER, f"{name}/"))


def label_and_split(uri: str, source_uri: str) -> tuple[str | None, str | None]:
    facts = Labels(source_uri, "parent").facts(uri)
    assert facts is not None
    assert facts.group is None
    return facts.label, facts.split


@pytest.mark.parametrize(
    ("path", "label", "split"),
    [
        ("Apple/1.jpg", "Apple", None),
        ("Training/Apple Red 1/1.jpg", "Apple Red 1", "Training"),
        ("Test/1.jpg", None, "Test"),
        ("1.jpg", None, None),
        ("a/Validation/b/c/1.jpg", "c", "Validation"),
        ("Pêche 100% + #1 \U0001f351/ä.jpg", "Pêche 100% + #1 \U0001f351", None),
        ("test/Apple/1.jpg", "Apple", None),
        ("Apple//1.jpg", None, None),
        ("Test/Apple/.git/1.jpg", None, None),
        ("Apple/__MACOSX/Fig/1.jpg", None, None),
        ("System Volume Information/Fig/1.jpg", None, None),
        (".hidden.jpg", None, None),
        ("Apple/.hidden.jpg", "Apple", None),
        ("lost+found again/1.jpg", "lost+found again", None),
    ],
)
def test_label_is_the_parent_folder_and_split_any_folder_above(path: str, label: str | None, split: str | None) -> None:
    assert label_and_split(f"{SOURCE}/{path}", SOURCE) == (label, split)


def test_folders_above_the_source_do_not_count() -> None:
    assert label_and_split("s3://lake/Training/Apple/1.jpg", "s3://lake/Training/Apple") == (None, None)
    assert label_and_split("s3://lake/.cache/Apple/1.jpg", "s3://lake/.cache/") == ("Apple", None)


def test_a_slash_at_the_sources_end_changes_nothing() -> None:
    assert label_and_split(f"{SOURCE}/Apple/1.jpg", f"{SOURCE}/") == ("Apple", None)


def test_the_outermost_split_folder_decides() -> None:
    assert label_and_split(f"{SOURCE}/Training/Test/Kiwi/1.jpg", SOURCE) == ("Kiwi", "Training")


@pytest.mark.slow
@given(folders=st.lists(FOLDER.filter(lambda name: name not in SPLITS), min_size=1, max_size=6), name=FOLDER)
def test_any_depth_and_any_name_keep_the_last_folder_as_label(folders: list[str], name: str) -> None:
    assert label_and_split("/".join([SOURCE, *folders, name]), SOURCE) == (folders[-1], None)


@given(folders=st.lists(FOLDER, max_size=4), split=st.sampled_from(SPLITS), name=FOLDER)
def test_a_split_folder_is_found_wherever_it_stands(folders: list[str], split: str, name: str) -> None:
    above = [folder for folder in folders if folder not in SPLITS]
    assert label_and_split("/".join([SOURCE, *above, split, "Fig", name]), SOURCE) == ("Fig", split)


def test_image_id_is_the_hash_of_the_uri_as_it_is() -> None:
    uri = "s3://lake/landing/fruits/a b%20+é.jpg"
    assert image_id(uri) == hashlib.sha256(uri.encode("utf-8")).hexdigest()[:32]


def test_a_row_keeps_what_the_listing_says() -> None:
    modified_at = datetime(2026, 11, 20, 16, tzinfo=UTC)
    listed = ListedObject(f"{SOURCE}/Test/Fig/1.jpg", 12, "abc", modified_at)
    row = manifest_row(listed, Facts("Fig", "Test", "tree 1"))
    assert (row.uri, row.label, row.split, row.size_bytes, row.etag, row.modified_at, row.group) == (
        listed.uri,
        "Fig",
        "Test",
        12,
        "abc",
        modified_at,
        "tree 1",
    )
    assert row.image_id == image_id(listed.uri)
