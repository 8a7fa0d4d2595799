"""Which photographs differ, and how a person reads it."""

from typing import Any

import pytest

from tools.diff.changes import KINDS, classified
from tools.diff.text import lines


def before(uri: str, label: str | None, etag: str) -> dict[str, Any]:
    return {"uri": uri, "in_a": True, "label_a": label, "etag_a": etag, "in_b": None, "label_b": None, "etag_b": None}


def after(uri: str, label: str | None, etag: str) -> dict[str, Any]:
    return {"uri": uri, "in_b": True, "label_b": label, "etag_b": etag, "in_a": None, "label_a": None, "etag_a": None}


def both(uri: str, labels: tuple[str, str], etags: tuple[str, str]) -> dict[str, Any]:
    return after(uri, labels[1], etags[1]) | {"in_a": True, "label_a": labels[0], "etag_a": etags[0]}


def test_each_image_that_differs_is_of_one_kind() -> None:
    rows = [
        after("new", "pear", "1"),
        before("gone", "pear", "2"),
        both("edited", ("pear", "pear"), ("3", "4")),
        before("pear/5", "pear", "5"),
        after("apple/5", "apple", "5"),
        before("old/pear/6", "pear", "6"),
        after("new/pear/6", "pear", "6"),
    ]

    assert classified(rows) == {
        "added": ["new"],
        "removed": ["gone"],
        "changed": ["edited"],
        "relabelled": [{"uri": "apple/5", "was": "pear/5", "label": ["pear", "apple"]}],
        "moved": [{"uri": "new/pear/6", "was": "old/pear/6", "label": ["pear", "pear"]}],
    }


def test_of_several_with_the_same_bytes_as_many_are_moved_as_there_were() -> None:
    rows = [before("a/1", "a", "e"), before("b/1", "b", "e"), after("b/2", "b", "e"), after("a/2", "a", "e")]
    rows += [after("a/3", "a", "e")]

    found = classified(rows)

    assert [(entry["was"], entry["uri"]) for entry in found["moved"]] == [("a/1", "a/2"), ("b/1", "b/2")]
    assert (found["added"], found["removed"], found["relabelled"]) == (["a/3"], [], [])


def difference(**changed: Any) -> dict[str, Any]:
    one = {"snapshot": "s1", "run": "r1", "published_at": "noon", "source_uri": "s3://b/x", "code_version": "v1"}
    images: dict[str, Any] = {kind: [] for kind in KINDS} | {"a": 2, "b": 2, "labels": {}}
    return {
        "a": one,
        "b": one | {"snapshot": "s2"},
        "images": images,
        "rejects": {},
        "numbers": {"images": [2, 2]},
        "params": {},
        "identity": {"is_same": True},
        "model": {"action": ["refit"] * 2, "fitted_in": ["u", "v"], "rows_fitted": [2, 2], "angles_deg": [3.0, 1.0, 0]},
    } | changed


def test_the_text_says_what_is_the_same() -> None:
    text = "\n".join(lines(difference()))

    assert "2 -> 2: the same" in text
    assert "the same identity: they compare" in text
    assert "3 principal angles: smallest 0.00, median 1.00, largest 3.00 degrees" in text
    assert "u -> v: PCA features do not compare" in text


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"images": {"unknown": "the files of snapshot s1 are not there"}}, "not compared: the files of snapshot s1"),
        ({"numbers": {"images": [2, 1050], "knn_accuracy": [0.5, 0.75]}}, "2 -> 1,050 (+1,048)"),
        ({"numbers": {"knn_accuracy": [0.5, 0.75]}}, "0.5000 -> 0.7500 (+0.2500)"),
        ({"rejects": {"decode_failed": [0, 3]}}, "rejects decode_failed   0 -> 3"),
        ({"params": {"pca_components": [200, 16]}}, "param pca_components    200 -> 16"),
        ({"identity": {"is_same": False, "precision": ["float32", "bfloat16"]}}, "precision float32 -> bfloat16"),
        ({"model": {"fitted_in": ["u", "u"], "angles_deg": [0.0]}}, "the same, fitted in u"),
        ({"model": {"fitted_in": [None, None], "unknown": "why"}}, "not compared: why"),
    ],
)
def test_the_text_says_what_differs(changed: dict[str, Any], says: str) -> None:
    assert says in "\n".join(lines(difference(**changed)))


def test_of_many_only_some_are_shown_and_the_number_of_the_others() -> None:
    images = difference()["images"] | {"added": [f"u{number}" for number in range(1205)]}

    text = "\n".join(lines(difference(images=images)))

    assert "added u4" in text and "added u5" not in text
    assert "... and 1,200 more added" in text
