"""The Gram that runs hand on: updates against full passes and exact arithmetic, its error bound, its file."""

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_features.reduce.gram import Gram, RaggedVectorsError, gram_of, merge, without
from image_features.reduce.kept_gram import GramUnreadableError, KeptGram, from_npz, of_full_pass, to_npz, updated
from image_features.reduce.pca import fit_pca
from tests.spark_jobs.reduce.test_pca import reference
from tests.spark_jobs.synthetic import DEAD_COLUMNS, feature_like

WIDTH = 30


def kept_of(vectors: np.ndarray) -> KeptGram:
    return of_full_pass(gram_of(vectors), {"backbone": "mobilenet_v2"}, "s3://bucket/then/features")


def update(kept: KeptGram, added: np.ndarray, removed: np.ndarray) -> KeptGram:
    grams = [gram_of(rows) if len(rows) else None for rows in (added, removed)]
    return updated(kept, grams[0], grams[1], "s3://bucket/now/features")


def chain(updates: int, rows: int = 600) -> tuple[KeptGram, np.ndarray]:
    """A Gram after so many updates of 60 rows more and 45 less each, and the rows that it then is of."""
    pool, dice = feature_like(rows + 60 * updates, WIDTH), np.random.default_rng(8)
    alive, kept = np.arange(rows), kept_of(pool[:rows])
    for number in range(updates):
        new = np.arange(rows + 60 * number, rows + 60 * (number + 1))
        gone = dice.choice(alive, 45, replace=False)
        kept = update(kept, pool[new], pool[gone])
        alive = np.concatenate([np.setdiff1d(alive, gone), new])
    return kept, pool[alive]


def relative_to_deviations(found: Gram, expected: Gram) -> float:
    """The largest difference of the scatters, each entry relative to the deviations of its two columns."""
    deviations = np.sqrt(np.diagonal(expected.scatter))
    alive = deviations > 0
    scale = np.outer(deviations[alive], deviations[alive])
    return float(np.max(np.abs(found.scatter - expected.scatter)[np.ix_(alive, alive)] / scale))


def exact_scatter(column: np.ndarray) -> float:
    values = [Fraction(float(value)) for value in column]
    mean = sum(values) / len(values)
    return float(sum((value - mean) ** 2 for value in values))


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(2, 60), gone=st.integers(1, 59), offset=st.sampled_from([0.0, 1.0, 1000.0]))
def test_taking_rows_away_is_the_inverse_of_adding_them(rows: int, gone: int, offset: float) -> None:
    dice = np.random.default_rng(rows * 100 + gone)
    stay, go = (dice.normal(size=(count, 5)) + offset for count in (rows, gone))
    whole = gram_of(np.vstack([stay, go]))
    before = whole.scatter.copy()
    found, expected = without(whole, gram_of(go)), gram_of(stay)
    assert found.rows == rows
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(whole.scatter, before)


def test_after_twenty_updates_with_removals_it_equals_a_full_pass() -> None:
    kept, rows = chain(20)
    full = gram_of(rows)
    # Column 7 has a mean of 10,000 times its deviation.
    assert abs(full.mean[7]) > 5_000 * np.sqrt(full.variances()[7])
    assert (kept.gram.rows, kept.updates, kept.is_sound) == (len(rows), 20, True)
    np.testing.assert_allclose(kept.gram.mean, full.mean, rtol=1e-12, atol=1e-14)
    assert relative_to_deviations(kept.gram, full) < 1e-11


def test_after_twenty_updates_the_components_equal_scikit_learns() -> None:
    kept, rows = chain(20)
    model = fit_pca(kept.gram, 10)
    expected = reference(rows, 10)
    np.testing.assert_allclose(model.explained_variance_ratio, expected[0].explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose((rows - model.mean) @ model.projection, expected[1], atol=1e-9)


@pytest.mark.parametrize("updates", [0, 1, 20])
def test_the_error_is_never_more_than_its_bound(updates: int) -> None:
    kept, rows = chain(updates)
    exact = np.array([exact_scatter(rows[:, column]) for column in range(WIDTH)])
    assert (np.abs(np.diagonal(kept.gram.scatter) - exact) <= kept.error).all()


def test_the_bound_covers_a_column_of_which_next_to_nothing_is_left() -> None:
    vectors = feature_like(500, WIDTH)
    vectors[:, 4] = 0.25
    vectors[17, 4] = 3.1
    kept = update(kept_of(vectors), vectors[:0], vectors[[17]])
    # Not zero, though every row that is left has 0.25 there.
    assert 0 < abs(kept.gram.scatter[4, 4]) <= kept.error[4]
    assert not kept.is_sound


def test_a_column_that_loses_most_of_its_variance_is_still_sound() -> None:
    vectors = feature_like(500, WIDTH)
    vectors[17, 4] = vectors[:, 4].mean() + 300 * vectors[:, 4].std()
    kept = update(kept_of(vectors), vectors[:0], vectors[[17]])
    rest = gram_of(np.delete(vectors, 17, axis=0))
    assert gram_of(vectors).scatter[4, 4] > 50 * rest.scatter[4, 4]
    assert kept.is_sound
    assert kept.gram.scatter[4, 4] == pytest.approx(rest.scatter[4, 4], rel=1e-9)


def test_a_constant_column_stays_exactly_constant() -> None:
    kept, _ = chain(20)
    dead = list(DEAD_COLUMNS)
    assert not kept.gram.scatter[dead].any()
    assert not kept.error[dead].any()
    assert list(kept.gram.mean[dead]) == [0.25, 0.0]


def test_a_column_that_comes_to_life_is_sound() -> None:
    vectors = feature_like(200, WIDTH)
    new = feature_like(40, WIDTH, seed=1)
    new[:, DEAD_COLUMNS[0]] = np.linspace(0, 1, 40)
    kept = update(kept_of(vectors), new, new[:0])
    assert kept.is_sound
    assert relative_to_deviations(kept.gram, gram_of(np.vstack([vectors, new]))) < 1e-12


def test_nan_among_the_new_rows_is_not_sound() -> None:
    new = feature_like(3, WIDTH)
    new[1, 2] = np.nan
    assert not update(kept_of(feature_like(50, WIDTH)), new, new[:0]).is_sound


def test_no_change_is_no_update() -> None:
    kept = kept_of(feature_like(50, WIDTH))
    same = updated(kept, None, None, "s3://bucket/now/features")
    assert (same.updates, same.features_uri) == (0, "s3://bucket/now/features")
    np.testing.assert_array_equal(same.gram.scatter, kept.gram.scatter)


def test_an_update_leaves_what_it_updates_alone() -> None:
    kept, new = kept_of(feature_like(50, WIDTH)), feature_like(5, WIDTH, seed=1)
    before = kept.gram.scatter.copy()
    update(kept, new, new[:0])
    np.testing.assert_array_equal(kept.gram.scatter, before)


def test_all_rows_cannot_be_taken_away_nor_rows_of_another_width() -> None:
    gram = gram_of(feature_like(50, WIDTH))
    with pytest.raises(ValueError, match="50 rows taken from 50 leave none"):
        without(gram, gram)
    with pytest.raises(RaggedVectorsError, match=r"\[30, 31\]"):
        without(gram, gram_of(feature_like(5, WIDTH + 1)))


def test_the_file_keeps_every_bit_and_the_same_gram_makes_the_same_file() -> None:
    kept, _ = chain(2)
    content = to_npz(kept)
    assert content == to_npz(kept)
    read = from_npz(content, "s3://bucket/gram.npz")
    assert (read.gram.rows, read.updates, read.identity) == (kept.gram.rows, 2, {"backbone": "mobilenet_v2"})
    assert read.features_uri == "s3://bucket/now/features"
    for name in ("mean", "scatter"):
        np.testing.assert_array_equal(getattr(read.gram, name), getattr(kept.gram, name))
    np.testing.assert_array_equal(read.error, kept.error)
    # What was read can be added to.
    assert merge(read.gram, gram_of(feature_like(5, WIDTH))).rows == kept.gram.rows + 5


def broken_files() -> list[bytes]:
    whole = to_npz(kept_of(feature_like(9, WIDTH)))
    mixed = io.BytesIO()
    with np.load(io.BytesIO(whole)) as arrays:
        np.savez(mixed, **{**arrays, "mean": np.zeros(3)})
    lacking = io.BytesIO()
    np.savez(lacking, rows=np.int64(3))
    return [b"", b"no zip", whole[:-40], mixed.getvalue(), lacking.getvalue()]


@pytest.mark.parametrize("content", broken_files(), ids=["empty", "other", "cut", "shapes", "lacking"])
def test_what_is_no_gram_is_refused_by_its_name(content: bytes) -> None:
    with pytest.raises(GramUnreadableError, match=r"s3://bucket/gram\.npz: no Gram matrix"):
        from_npz(content, "s3://bucket/gram.npz")
