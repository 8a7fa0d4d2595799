"""Groups of near-duplicates, and the split that none of them crosses."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from image_features.validate.duplicates import forest as module
from image_features.validate.duplicates.forest import spanning_forest
from image_features.validate.duplicates.leak_free_split import leak_free_split
from image_features.validate.duplicates.likeness import Pairs, joined, taken
from image_features.validate.duplicates.search import most_alike_of_each


def groups_of(forest: Pairs, labels: np.ndarray, given: np.ndarray | None = None) -> np.ndarray:
    return module.groups_of(forest, labels, np.full(len(labels), -1) if given is None else given)


def pairs_of(*pairs: tuple[int, int, float]) -> Pairs:
    first, second, likeness = zip(*pairs, strict=True)
    return Pairs(np.array(first), np.array(second), np.array(likeness, np.float32))


def random_pairs(rows: int, count: int) -> Pairs:
    rng = np.random.default_rng(3)
    ends = np.unique(np.sort(rng.integers(0, rows, (count, 2)), axis=1), axis=0)
    ends = ends[ends[:, 0] < ends[:, 1]]
    # Many are equally alike.
    return Pairs(ends[:, 0], ends[:, 1], (rng.integers(95, 100, len(ends)) / 100).astype(np.float32))


def chain(length: int, likeness: float = 0.96) -> Pairs:
    return pairs_of(*[(row, row + 1, likeness) for row in range(length - 1)])


def test_a_forest_joins_what_all_pairs_join_by_fewer_pairs() -> None:
    pairs = random_pairs(500, 700)
    forest = spanning_forest(pairs)
    graph = coo_matrix((np.ones(len(pairs)), (pairs.first, pairs.second)), shape=(500, 500))
    count, expected = connected_components(graph, directed=False)
    groups = groups_of(forest, np.zeros(500, np.int64))
    # A half of the one label is the limit, which the largest of these passes; so the components are compared.
    joined_by_forest = coo_matrix((np.ones(len(forest)), (forest.first, forest.second)), shape=(500, 500))
    assert connected_components(joined_by_forest, directed=False)[0] == count
    assert len(forest) == 500 - count < len(pairs)
    assert all(len(set(expected[groups == group])) == 1 for group in set(groups))


def test_forests_of_parts_make_the_forest_of_the_whole_in_any_order() -> None:
    pairs = random_pairs(200, 2000)
    places = np.random.default_rng(0).permutation(len(pairs))
    parts = [spanning_forest(taken(pairs, part)) for part in np.array_split(places, 7)]
    merged, whole = spanning_forest(joined(parts)), spanning_forest(pairs)
    for name in ("first", "second", "likeness"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(whole, name))


def test_no_pairs_make_no_groups() -> None:
    assert groups_of(spanning_forest(joined([])), np.zeros(3, np.int64)).tolist() == [0, 1, 2]


def test_a_chain_of_neighbors_never_swallows_a_label() -> None:
    groups = groups_of(chain(100), np.zeros(100, np.int64))
    assert np.bincount(groups).max() <= 50
    # A label of which there are more images may have larger groups.
    labels = np.concatenate([np.zeros(100, np.int64), np.zeros(300, np.int64)])
    assert np.bincount(groups_of(chain(100), labels)).max() == 100


def test_the_most_alike_are_joined_before_others() -> None:
    pairs = joined([chain(60), pairs_of((0, 59, 0.99))])
    groups = groups_of(spanning_forest(pairs), np.zeros(60, np.int64))
    assert groups[0] == groups[59]


def test_copies_of_one_picture_are_never_kept_apart() -> None:
    assert set(groups_of(chain(100, 1.0), np.zeros(100, np.int64))) == {0}


def test_a_small_group_may_be_a_whole_label() -> None:
    assert set(groups_of(chain(20), np.zeros(20, np.int64))) == {0}


def test_what_is_given_is_one_group_whatever_its_size_and_likeness() -> None:
    given = np.where(np.arange(100) < 70, 3, -1)
    groups = groups_of(pairs_of((69, 70, 1.0), (80, 81, 0.96)), np.zeros(100, np.int64), given)
    assert np.bincount(groups)[[0, 80]].tolist() == [71, 2]


def test_each_image_has_its_most_alike_and_of_equals_the_first() -> None:
    found = most_alike_of_each(pairs_of((5, 9, 0.96), (5, 7, 0.98), (5, 3, 0.98), (2, 9, 0.97)))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(2, 9), (5, 3)]


@pytest.mark.parametrize("shares", [(0.75, 0.25), (0.5, 0.5)])
def test_no_group_crosses_the_split_and_each_label_keeps_its_shares(shares: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    groups, labels = np.repeat(np.arange(200), 5), np.repeat(np.arange(4), 250)
    splits = rng.choice(np.array(["Training", "Test"], dtype=object), 1000, p=shares)
    proposed = leak_free_split(groups, splits, labels)
    assert all(len(set(proposed[groups == group])) == 1 for group in range(200))
    for label in range(4):
        kept = [np.mean(of[labels == label] == "Test") for of in (splits, proposed)]
        assert abs(kept[0] - kept[1]) < 0.02


def test_a_split_that_no_group_crosses_stays_as_it_is() -> None:
    splits = np.array(["Test", None, "Training", "Validation", "Training"], dtype=object)
    assert leak_free_split(np.array([0, 0, 2, 3, 2]), splits, np.zeros(5, np.int64)).tolist() == splits.tolist()


def test_without_splits_a_fifth_of_each_label_is_proposed_for_test() -> None:
    groups, labels = np.repeat(np.arange(100), 2), np.repeat(np.arange(2), 100)
    proposed = leak_free_split(groups, np.full(200, None, dtype=object), labels)
    assert all(len(set(proposed[groups == group])) == 1 for group in range(100))
    assert [np.sum(proposed[labels == label] == "Test") for label in range(2)] == [20, 20]


def test_a_group_of_several_labels_counts_for_each_of_them_and_no_new_split_is_proposed() -> None:
    splits = np.array(["Training"] * 10 + ["Test"] * 10 + ["Training", "Test"], dtype=object)
    groups, labels = np.array([0] * 10 + [1] * 10 + [2, 2]), np.array(([0] + [1] * 9) * 2 + [0, 0])
    proposed = leak_free_split(groups, splits, labels)
    assert proposed[:20].tolist() == splits[:20].tolist()
    assert proposed[20] == proposed[21]
    assert proposed[20] in {"Training", "Test"}
