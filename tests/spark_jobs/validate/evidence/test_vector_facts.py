"""The passes that measure vectors, against rows whose numbers are known."""

import dataclasses
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from image_features.errors import Unavailable
from image_features.reduce.gram import Gram
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.validate.evidence.evidence import VectorFacts
from image_features.validate.evidence.vector_facts import draw_sample, measure_moments, measure_vectors
from tests.spark_jobs.stored_datasets import write_dataset


def vectors_of(spark: SparkSession, schema: StructType, *rows: tuple[str, str | None, str | None, Any]) -> DataFrame:
    return spark.createDataFrame(
        [(i, f"s3://b/{i}", label, split, "e", vector) for i, label, split, vector in rows], schema
    )


def measured(frame: DataFrame, uri: str, schema: StructType) -> VectorFacts:
    """The facts about the last column of `frame`, once it is a dataset."""
    write_dataset(frame, uri, schema)
    return measure_vectors(frame.sparkSession.sparkContext, uri, schema.names[-1])


def test_vectors_are_measured_one_by_one(spark: SparkSession, prefix_uri: str) -> None:
    nan, inf = float("nan"), float("inf")
    rows = [[3.0, 4.0], [3.0, 4.0], [0.0, 0.0], [nan, 1.0], [inf, 1.0], [6.0, 8.0], [5.0, 12.0]]
    frame = vectors_of(spark, FEATURES, *[(str(place), None, None, row) for place, row in enumerate(rows)])
    facts = measured(frame, prefix_uri, FEATURES)
    assert (facts.rows, facts.narrowest, facts.widest) == (7, 2, 2)
    assert (facts.non_finite, facts.zero, facts.repeated) == (2, 1, 1)
    assert facts.norms == (0.0, 5.0, 13.0)


def test_facts_are_those_that_spark_computes(spark: SparkSession, prefix_uri: str) -> None:
    stored = np.random.default_rng(2).normal(size=(500, 7)).astype(np.float32)
    stored[100:200], stored[7], stored[8] = stored[:100], 0.0, -0.0
    rows = [(str(place), None, None, row.tolist()) for place, row in enumerate(stored)]
    frame = vectors_of(spark, FEATURES, *rows).repartition(3)
    facts = measured(frame, prefix_uri, FEATURES)
    norm = "sqrt(aggregate(features, 0D, (sum, entry) -> sum + double(entry) * double(entry)))"
    exact = f"percentile_approx({norm}, array(0.05, 0.5, 0.95), 1000000)"
    distinct, quantiles = frame.selectExpr("count(distinct features)", exact).collect()[0]
    assert (facts.rows, facts.rows - facts.repeated, facts.zero) == (500, distinct, 2)
    np.testing.assert_allclose(facts.norms, quantiles, rtol=1e-12)


def test_vectors_of_several_widths_are_measured_rather_than_refused(spark: SparkSession, prefix_uri: str) -> None:
    rows: list[Any] = [[3.0, 4.0], [0.0, 0.0, 0.0], [2.0, 3.0, 6.0], []]
    frame = vectors_of(spark, FEATURES, *[(str(place), None, None, row) for place, row in enumerate(rows)])
    facts = measured(frame.coalesce(1), prefix_uri, FEATURES)
    assert (facts.narrowest, facts.widest, facts.zero) == (0, 3, 1)
    # An empty vector is not a vector of finite numbers.
    assert facts.non_finite == 1
    assert facts.norms[2] == 7.0
    assert len(draw_sample(spark.sparkContext, prefix_uri, "features", facts).vectors) == 0
    as_if_even = dataclasses.replace(facts, narrowest=facts.widest)
    assert len(draw_sample(spark.sparkContext, prefix_uri, "features", as_if_even).vectors) == 0


def test_moments_are_those_of_numpy_and_none_where_there_are_none(spark: SparkSession, prefix_uri: str) -> None:
    stored = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    rows = [(str(place), None, None, row.tolist()) for place, row in enumerate(stored)]
    frame = vectors_of(spark, PCA_FEATURES, *rows)
    moments = measure_moments(spark.sparkContext, prefix_uri, measured(frame, prefix_uri, PCA_FEATURES))
    assert isinstance(moments, Gram)
    np.testing.assert_allclose(moments.mean, stored.mean(axis=0, dtype=float), atol=1e-12)
    np.testing.assert_allclose(moments.covariance(), np.cov(stored.astype(float), rowvar=False), atol=1e-12)
    ragged = vectors_of(spark, PCA_FEATURES, *rows, ("x", None, None, [1.0]))
    reason = "the PCA features differ in width or are not finite"
    facts = measured(ragged, f"{prefix_uri}-ragged", PCA_FEATURES)
    assert measure_moments(spark.sparkContext, f"{prefix_uri}-ragged", facts) == Unavailable(reason)


def test_a_sample_is_of_the_smallest_ids_whatever_the_order(spark: SparkSession, prefix_uri: str) -> None:
    rows = [(f"{place:03d}", "Apple" if place % 2 else None, "Test", [float(place)]) for place in range(40)]
    shuffled = [rows[place] for place in np.random.default_rng(1).permutation(40)]
    frame = vectors_of(spark, FEATURES, *shuffled)
    facts = measured(frame.repartition(3), prefix_uri, FEATURES)
    sample = draw_sample(spark.sparkContext, prefix_uri, "features", facts, rows=5)
    assert sample.vectors[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert sample.labels.tolist() == [None, "Apple", None, "Apple", None]
    assert sample.uris.tolist() == [f"s3://b/{place:03d}" for place in range(5)]


def test_no_rows_have_no_facts_but_do_not_fail(spark: SparkSession, prefix_uri: str) -> None:
    facts = measured(spark.createDataFrame([], FEATURES), prefix_uri, FEATURES)
    assert (facts.rows, facts.non_finite, facts.zero, facts.repeated, facts.norms) == (0, 0, 0, 0, (0.0, 0.0, 0.0))
