"""The Gram of partitions, and its determinism."""

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from image_features.reduce import spark_gram
from image_features.reduce.spark_gram import NoVectorsError, gram_of_column
from image_features.schemas import FEATURES
from tests.spark_jobs.synthetic import feature_like, features_table, to_frame

ROWS, COLUMNS = 230, 20


def table(rows: int = ROWS) -> tuple[np.ndarray, pa.Table]:
    vectors = feature_like(rows, COLUMNS)
    return vectors, features_table(vectors, np.array(["Apple"] * rows, dtype=object))


@pytest.mark.parametrize("partitions", [1, 5, 20])
def test_the_gram_of_any_number_of_partitions_is_that_of_all_rows(spark: SparkSession, partitions: int) -> None:
    # 20 partitions go through two levels of the tree (20, 3, 1), 5 through one.
    vectors, rows = table()
    gram = gram_of_column(to_frame(spark, rows, partitions), "features")
    wide = vectors.astype(np.float64)
    centred = wide - wide.mean(axis=0)
    assert gram.rows == ROWS
    np.testing.assert_allclose(gram.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(gram.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)


def test_partitions_without_rows_are_no_trouble(spark: SparkSession) -> None:
    _, rows = table(3)
    assert gram_of_column(to_frame(spark, rows, 12), "features").rows == 3


def test_the_same_rows_give_the_same_bits_twice(spark: SparkSession) -> None:
    frame = to_frame(spark, table()[1], 20)
    first, second = gram_of_column(frame, "features"), gram_of_column(frame, "features")
    assert first.scatter.tobytes() == second.scatter.tobytes()
    assert first.mean.tobytes() == second.mean.tobytes()


def test_neighbours_are_merged_in_the_order_of_their_partitions_however_they_arrive(spark: SparkSession) -> None:
    frame = to_frame(spark, table()[1], 20)
    partials = frame.select("features").mapInArrow(spark_gram._partial_gram, spark_gram.PARTIAL_GRAM)
    arrived = partials.rdd.map(spark_gram._to_partial).collect()
    shuffled = [arrived[place] for place in np.random.default_rng(3).permutation(len(arrived))]
    in_order, out_of_order = (
        spark_gram.combine_in_order(spark.sparkContext.parallelize(grams, 4), 20).collect()[0][1]
        for grams in (arrived, shuffled)
    )
    assert in_order.scatter.tobytes() == out_of_order.scatter.tobytes()


def test_no_rows_at_all_are_an_error_that_says_where_to_look(spark: SparkSession) -> None:
    with pytest.raises(NoVectorsError, match="rejects"):
        gram_of_column(spark.createDataFrame([], FEATURES), "features")
