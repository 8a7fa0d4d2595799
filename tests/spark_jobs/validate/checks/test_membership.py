"""Nothing lost, nothing doubled, no label gone, not too many rejects."""

import re

import pytest

from image_features.validate.checks.membership import (
    every_object_once,
    image_id_unique,
    labels_kept,
    pca_features_complete,
    reject_share,
)
from image_features.validate.evidence.evidence import Membership
from tests.spark_jobs.made_up_run import COUNTS

TOTALS = {**dict.fromkeys(COUNTS, 0), "manifest": 20, "features": 9, "rejects": 11, "ignored": 8, "labels": 1}
GOOD = Membership(TOTALS, {}, [("Apple", {"Test": 9})])


def having(**totals: int) -> Membership:
    return Membership(TOTALS | totals, {"lost": ["Kiwi"], "new": ["Lime"]}, GOOD.balance)


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
    check = every_object_once(having(**{count: 3}))
    assert (check.verdict, check.value, check.limit) == ("failed", 3, 0)
    assert says in check.advice


def test_an_image_id_that_stands_twice_in_the_manifest_fails() -> None:
    check = image_id_unique(having(repeated=1))
    assert (check.verdict, check.value) == ("failed", 1)


def test_an_image_without_pca_features_fails() -> None:
    check = pca_features_complete(having(unreduced=1))
    assert (check.verdict, check.value) == ("failed", 1)


@pytest.mark.parametrize(
    ("count", "says"),
    [
        ("lost", r"1 labels of the manifest are lost \['Kiwi'\]"),
        ("new", r"1 are new \['Lime'\]"),
        ("relabeled", "1 images changed their label"),
    ],
)
def test_a_label_that_is_lost_new_or_changed_fails_by_name(count: str, says: str) -> None:
    check = labels_kept(having(**{count: 1}))
    assert (check.verdict, check.value) == ("failed", 1)
    assert re.search(says, check.advice)


def test_ignored_objects_count_on_neither_side_of_the_reject_share() -> None:
    # 3 of 12 images; with the 8 ignored objects it would be 11 of 20.
    assert reject_share(GOOD, 0.25).value == 0.25
    assert reject_share(GOOD, 0.25).verdict == "passed"
    over = reject_share(GOOD, 0.24)
    assert over.verdict == "failed"
    assert "3 of 12 images were rejected" in over.advice


def test_a_run_of_ignored_objects_alone_has_a_reject_share_of_zero() -> None:
    assert reject_share(having(manifest=3, rejects=3, ignored=3), 0.0).verdict == "passed"
