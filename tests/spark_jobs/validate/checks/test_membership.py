"""Nothing lost, nothing doubled, no label gone, not too many rejects."""

import pytest

from image_features.validate.checks.membership import (
    every_object_once,
    image_id_unique,
    labels_kept,
    pca_features_complete,
    reject_share,
)
from image_features.validate.evidence.evidence import ClassCounts, Membership

GOOD = Membership(
    [
        ClassCounts("Apple", "Test", manifest=10, features=9, rejects=1),
        ClassCounts("Pear", None, manifest=2, rejects=2),
        ClassCounts(None, None, manifest=8, rejects=8, ignored=8),
    ]
)


def with_class(**counts: int) -> Membership:
    return Membership([*GOOD.classes, ClassCounts("Kiwi", "Test", **counts)])


def test_a_whole_run_passes() -> None:
    checks = [
        every_object_once(GOOD),
        image_id_unique(GOOD),
        pca_features_complete(GOOD),
        labels_kept(GOOD),
        reject_share(GOOD, 0.3),
    ]
    assert [(check.kind, check.verdict, check.advice) for check in checks] == [("hard", "passed", "")] * 5


@pytest.mark.parametrize(
    ("count", "says"),
    [("missing", "3 are in neither"), ("doubled", "3 are there more than once"), ("unknown", "3 are there that the")],
)
def test_an_object_lost_doubled_or_unknown_fails(count: str, says: str) -> None:
    check = every_object_once(with_class(**{count: 3}))
    assert (check.verdict, check.value, check.limit) == ("failed", 3, 0)
    assert says in check.advice


def test_an_image_id_that_stands_twice_in_the_manifest_fails() -> None:
    check = image_id_unique(with_class(manifest=2, repeated=1))
    assert (check.verdict, check.value) == ("failed", 1)


def test_an_image_without_pca_features_fails() -> None:
    check = pca_features_complete(with_class(manifest=1, features=1, unreduced=1))
    assert (check.verdict, check.value) == ("failed", 1)


def test_a_label_of_which_every_object_was_rejected_may_be_missing() -> None:
    assert labels_kept(GOOD).verdict == "passed"


def test_a_label_that_vanished_without_rejects_fails_by_name() -> None:
    check = labels_kept(with_class(manifest=2, rejects=1))
    assert (check.verdict, check.value) == ("failed", 1)
    assert "1 labels of the manifest are lost ['Kiwi']" in check.advice


def test_a_label_that_the_manifest_does_not_know_fails_by_name() -> None:
    check = labels_kept(with_class(features=1, unknown=1))
    assert check.verdict == "failed"
    assert "1 are new ['Kiwi']" in check.advice


def test_images_that_changed_their_label_fail() -> None:
    check = labels_kept(with_class(manifest=4, features=4, relabeled=4))
    assert (check.verdict, check.value) == ("failed", 4)


def test_ignored_objects_count_on_neither_side_of_the_reject_share() -> None:
    # 3 of 12 images; with the 8 ignored objects it would be 11 of 20.
    assert reject_share(GOOD, 0.25).value == 0.25
    assert reject_share(GOOD, 0.25).verdict == "passed"
    over = reject_share(GOOD, 0.24)
    assert over.verdict == "failed"
    assert "3 of 12 images were rejected" in over.advice


def test_a_run_of_ignored_objects_alone_has_a_reject_share_of_zero() -> None:
    nothing = Membership([ClassCounts(None, None, manifest=3, rejects=3, ignored=3)])
    assert reject_share(nothing, 0.0).verdict == "passed"
