"""The pairs of near-duplicates: none is missed and none is added, compared with scikit-learn's."""

import numpy as np
import pytest
from sklearn.neighbors import radius_neighbors_graph

from image_features.validate.duplicates import likeness
from image_features.validate.duplicates.likeness import (
    Block,
    block_of,
    joined,
    near_pairs,
    sketch_directions,
    unit_roots,
)
from tests.spark_jobs.synthetic import feature_like

LEAST = 0.955
ROWS, COLUMNS = 900, 300


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Vectors of a network's kind, the second half of which are the first half, each entry a little changed."""
    half = feature_like(ROWS // 2, COLUMNS)
    changes = np.random.default_rng(1).lognormal(0, np.linspace(0.05, 0.9, ROWS // 2)[:, None], half.shape)
    return np.concatenate([half, (half * changes).astype(np.float32)])


def expected_pairs(vectors: np.ndarray) -> set[tuple[int, int]]:
    """Those of scikit-learn's, in float64: the distance of unit vectors of a likeness c is sqrt(2 - 2c)."""
    roots = np.sqrt(vectors.astype(np.float64))
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    near = radius_neighbors_graph(roots, np.sqrt(2 - 2 * LEAST), mode="connectivity").tocoo()
    return {(int(row), int(column)) for row, column in zip(near.row, near.col, strict=True) if row < column}


def blocks_of(vectors: np.ndarray, size: int, directions: np.ndarray) -> list[Block]:
    return [block_of(start, vectors[start : start + size], directions) for start in range(0, len(vectors), size)]


@pytest.mark.parametrize("few", [0.0, 1.0], ids=["by whole products", "by single candidates"])
def test_pairs_of_all_blocks_are_those_of_scikit_learn(
    vectors: np.ndarray, few: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "FEW_CANDIDATES", few)
    monkeypatch.setattr(likeness, "TILE_ROWS", 100)
    monkeypatch.setattr(likeness, "TILE_COLUMNS", 70)
    blocks = blocks_of(vectors, 250, sketch_directions(unit_roots(vectors[:200])))
    places = [(one, other) for one in range(len(blocks)) for other in range(one, len(blocks))]
    found = joined(pairs for one, other in places for pairs in near_pairs(blocks[one], blocks[other], LEAST))
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    expected = expected_pairs(vectors)
    assert 100 < len(expected) < ROWS
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    roots = unit_roots(vectors)
    np.testing.assert_allclose(found.likeness, (roots[found.first] * roots[found.second]).sum(axis=1), atol=1e-5)


def test_every_copy_of_a_vector_is_found_where_only_copies_are_asked_for(vectors: np.ndarray) -> None:
    twice = np.concatenate([vectors[:200], vectors[:200]])
    (whole,) = blocks_of(twice, len(twice), sketch_directions(unit_roots(twice)))
    found = joined(list(near_pairs(whole, whole, 1.0)))
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == {(row, row + 200) for row in range(200)}


def test_a_sketch_never_says_less_than_the_likeness(vectors: np.ndarray) -> None:
    block = block_of(0, vectors, sketch_directions(unit_roots(vectors[:50])))
    assert np.all(block.sketches @ block.sketches.T >= block.rows @ block.rows.T - likeness.ROUNDING)


def test_vectors_of_zeros_are_like_nothing_and_signs_count() -> None:
    rows = unit_roots(np.array([[0.0, 0.0], [4.0, -4.0], [9.0, 9.0]], np.float32))
    np.testing.assert_allclose(rows @ rows.T, [[0, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-6)
