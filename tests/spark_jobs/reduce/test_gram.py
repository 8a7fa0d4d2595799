"""Count, mean and centred Gram of blocks, against numpy and against exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_features.reduce import gram as gram_module
from image_features.reduce.gram import Gram, RaggedVectorsError, gram_of, gram_of_batches, merge, merge_all


def vectors_of(rows: int, columns: int, seed: int = 0, offset: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(rows, columns)) + offset).astype(np.float32)


def assert_gram_of(gram: Gram | None, vectors: np.ndarray) -> None:
    assert gram is not None
    wide = vectors.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    assert gram.rows == len(vectors)
    np.testing.assert_allclose(gram.mean, wide.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gram.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 60), max_size=12),
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 1.0, 1000.0]),
)
def test_any_split_of_the_rows_gives_the_same_gram(rows: int, cuts: list[int], seed: int, offset: float) -> None:
    vectors = vectors_of(rows, 5, seed, offset)
    parts = np.split(vectors, sorted(min(cut, rows) for cut in cuts))
    assert_gram_of(merge_all(gram_of(part) for part in parts if len(part)), vectors)


def test_batches_longer_than_a_block_are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram_module, "BLOCK_ROWS", 7)
    vectors = vectors_of(50, 4)
    assert_gram_of(gram_of_batches([vectors[:23], vectors[23:23], vectors[23:]]), vectors)


def test_a_large_mean_costs_no_digits_of_a_tiny_variance() -> None:
    steps = np.random.default_rng(1).integers(0, 4, size=(1000, 1))
    vectors = (np.float32(100_000.0) + steps * np.float32(2.0**-7)).astype(np.float32)
    exact = [Fraction(float(value)) for value in vectors[:, 0]]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)
    gram = gram_of_batches(np.array_split(vectors, 13))
    assert gram is not None
    assert np.diagonal(gram.covariance())[0] == pytest.approx(float(variance), rel=1e-12)


def test_a_constant_column_has_a_variance_of_exactly_zero() -> None:
    vectors = vectors_of(999, 3)
    vectors[:, 1] = np.float32(0.1)
    gram = gram_of_batches(np.array_split(vectors, 10))
    assert gram is not None
    assert np.diagonal(gram.covariance())[1] == 0.0
    assert gram.mean[1] == np.float64(np.float32(0.1))
    assert not gram.scatter[1].any()


def test_no_rows_make_no_gram() -> None:
    assert gram_of_batches([np.empty((0, 3), np.float32)]) is None


def test_vectors_of_two_widths_are_refused() -> None:
    with pytest.raises(RaggedVectorsError, match=r"\[3, 4\]"):
        merge(gram_of(vectors_of(5, 3)), gram_of(vectors_of(5, 4)))
