"""Partial Gram matrices that are combined in a tree: the sum, and its determinism."""

import numpy as np
import pytest
from pyspark.sql import SparkSession

from image_features.reduce.gram import Gram, gram_of
from image_features.reduce.spark_gram import combined
from tests.spark_jobs.synthetic import feature_like

ROWS, COLUMNS = 230, 20
VECTORS = feature_like(ROWS, COLUMNS)


def partials(parts: int) -> list[tuple[int, Gram]]:
    return [(number, gram_of(part)) for number, part in enumerate(np.array_split(VECTORS, parts))]


@pytest.mark.parametrize("parts", [1, 5, 20])
def test_the_gram_of_any_number_of_parts_is_that_of_all_rows(spark: SparkSession, parts: int) -> None:
    # 20 parts go through two levels of the tree (20, 3, 1), 5 through one.
    gram = combined(spark.sparkContext.parallelize(partials(parts), 4), parts, "features")
    wide = VECTORS.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    assert gram.rows == ROWS
    np.testing.assert_allclose(gram.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(gram.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)


def test_neighbours_are_merged_in_their_order_however_they_arrive(spark: SparkSession) -> None:
    arrived = partials(20)
    shuffled = [arrived[place] for place in np.random.default_rng(3).permutation(len(arrived))]
    in_order, out_of_order = (
        combined(spark.sparkContext.parallelize(grams, 4), 20, "features") for grams in (arrived, shuffled)
    )
    assert in_order.scatter.tobytes() == out_of_order.scatter.tobytes()
    assert in_order.mean.tobytes() == out_of_order.mean.tobytes()
