"""Label patterns and labels files: what they say, and what is refused with words that help."""

from pathlib import Path

import pytest

from run_contract.labels import Facts, LabelsError, facts_by, read_csv, unknown_paths
from tests.examples import run_examples


def test_examples_in_docstrings_are_true() -> None:
    run_examples("run_contract.labels")


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("Training/Apple/Apple 11/r0_1.jpg", Facts("Apple", "Training", "Apple 11")),
        ("Fruit/Pear/Kaiser/1.jpg", Facts("Pear", None, "Kaiser")),
        ("Test/Apple/1.jpg", Facts("Apple", "Test")),
        ("Test/1.jpg", Facts(None, "Test")),
        ("1.jpg", Facts()),
    ],
)
def test_kind_and_variety_are_the_last_two_folders(path: str, facts: Facts) -> None:
    assert facts_by("kind/variety")(path) == facts


@pytest.mark.parametrize(
    ("pattern", "path", "facts"),
    [
        (r"(?P<split>[^/]+)/(?P<label>\w+) (?P<group>\d+)/.*", "train/Apple 3/1.jpg", Facts("Apple", "Training", "3")),
        (r"(?P<label>\w+?)_\d+\.jpg", "pear_12.jpg", Facts("pear")),
        (r".*/(?P<label>[^/]+)/[^/]+", "Validation/x/Fig/1.jpg", Facts("Fig", "Validation")),
        (r"(?:(?P<split>Test)/)?(?P<label>[^/]+)/.*", "Fig/1.jpg", Facts("Fig")),
        (r"(?P<label>[^/]+)/1\.jpg", "a/Fig/1.jpg", Facts()),
    ],
)
def test_a_pattern_must_match_the_whole_path(pattern: str, path: str, facts: Facts) -> None:
    assert facts_by(pattern)(path) == facts


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(?P<label>", "is no regular expression"),
        ("(?P<split>.*)", "needs \\(\\?P<label>"),
        ("(?P<label>.*)(?P<class>.*)", "named groups \\['class', 'label'\\]"),
        ("Parent", "give parent or kind/variety"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, told: str) -> None:
    with pytest.raises(LabelsError, match=told):
        facts_by(pattern)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "path must be there"),
        ("uri,label\n", "path must be there"),
        ("path,path\n", "each once"),
        ("path,label,colour\n", "each once"),
        ("path,label\na/1.jpg,x\na/1.jpg,y\n", "line 3, path 'a/1.jpg': the path stands there twice"),
        ("path,split\na/1.jpg,dev\n", "line 2, path 'a/1.jpg': the split 'dev' is unknown; splits are Training, Test"),
        ('path,label\na/1.jpg,"x\ny"\n', "holds a line break"),
        ("path,label\n,x\n", "the path is empty"),
        ("path,exclude\na/1.jpg,perhaps\n", "exclude is 'perhaps'; give true, false or nothing"),
        ("path,label\na/1.jpg,x,y\n", "more fields than there are columns"),
        ('path,label\na/1.jpg,"x\n', "unexpected end of data"),
    ],
)
def test_a_labels_file_that_cannot_be_used_says_where_and_why(text: str, told: str) -> None:
    with pytest.raises(LabelsError, match=told):
        read_csv(text.splitlines(keepends=True))


def test_emoji_html_and_commas_are_labels_like_others() -> None:
    found = read_csv(["path,label\n", 'a/1.jpg,"<b>Fig</b>, \U0001f34e"\n'])
    assert found["a/1.jpg"].facts.label == "<b>Fig</b>, \U0001f34e"


def test_paths_that_are_not_known_are_told_in_their_order() -> None:
    assert unknown_paths(["c", "a", "b"], iter(["b", "d"])) == ["c", "a"]
    assert unknown_paths(["a"], iter(["a", "b"])) == []


def test_varieties_of_the_three_body_set_are_groups_of_three_labels() -> None:
    source = Path(__file__).resolve().parents[3] / "shared/data/fruits-360-3-body"
    if not source.is_dir():
        pytest.skip("../shared/data/fruits-360-3-body is not there")
    facts = [facts_by("kind/variety")(path.relative_to(source).as_posix()) for path in source.rglob("*.jpg")]
    assert {one.label for one in facts} == {"Apple", "Cherry", "Tomato"}
    varieties = [{one.group for one in facts if one.split == split} for split in ("Training", "Test")]
    assert all(varieties)
    assert not varieties[0] & varieties[1]
