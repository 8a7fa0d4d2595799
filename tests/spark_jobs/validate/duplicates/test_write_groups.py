"""The dataset `groups` of stored features: its pairs are those of scikit-learn, and its split is free of leaks."""

import dataclasses
import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import radius_neighbors_graph

from image_features.errors import Unavailable
from image_features.schemas import GROUPS, MANIFEST
from image_features.storage.datasets import read_dataset
from image_features.storage.parquet_files import write_part
from image_features.validate.duplicates import search
from image_features.validate.duplicates.duplicates import Duplicates
from image_features.validate.duplicates.write_groups import OtherPhotographsError, why_not, write_groups
from image_features.validate.evidence.evidence import Evidence, Sample
from tests.spark_jobs.made_up_run import asked, facts, make_evidence
from tests.spark_jobs.stored_datasets import write_dataset
from tests.spark_jobs.synthetic import feature_like, features_table

LEAST = 0.955
FILES, ROWS = 3, 1000


def some_images() -> tuple[np.ndarray, pa.Table]:
    """Vectors, each of which may be a slightly changed one of any file, and their images."""
    rng = np.random.default_rng(2)
    things = rng.integers(0, 2000, FILES * ROWS)
    # One column of those is so large that everything would be alike.
    vectors = np.delete(feature_like(2000, 61), 7, axis=1)[things] * rng.lognormal(0, 0.3, (FILES * ROWS, 60))
    names = np.array([f"Fruit {thing % 4}" for thing in things], dtype=object)
    splits = rng.choice(np.array(["Training", "Test", "Validation", None], dtype=object), len(things))
    return vectors.astype(np.float32), features_table(vectors.astype(np.float32), names, splits)


def places(spark: SparkSession, prefix_uri: str, table: pa.Table, given: str | None = None) -> dict[str, Any]:
    """The URIs of the test, whose manifest says of which group the images are."""
    seen = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    known = [table[name].to_pylist() for name in ("image_id", "uri", "label", "split")]
    listed = [(*row, 9, "e", seen, given) for row in zip(*known, strict=True)]
    write_dataset(spark.createDataFrame(listed, MANIFEST), f"{prefix_uri}/manifest", MANIFEST)
    return {f"{name}_uri": f"{prefix_uri}/{name}" for name in ("features", "groups", "manifest")}


def near(vectors: np.ndarray) -> np.ndarray:
    """Which rows are near-duplicates of which, by scikit-learn in float64."""
    roots = np.sqrt(vectors.astype(np.float64))
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    is_near: np.ndarray = radius_neighbors_graph(roots, np.sqrt(2 - 2 * LEAST)).toarray() > 0
    return is_near


def evidence_on(vectors: np.ndarray, table: pa.Table) -> Evidence:
    images = table.to_pandas()
    sample = Sample(vectors, *(images[name].to_numpy(dtype=object) for name in ("uri", "label", "split")))
    return dataclasses.replace(make_evidence(), features=facts(vectors), sample=sample)


def test_groups_and_leaks_are_those_of_all_pairs(
    spark: SparkSession, prefix_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEWEST_STRIPE_ROWS", 1024)
    vectors, table = some_images()
    for number in range(FILES):
        part = table.slice(number * ROWS, ROWS)
        write_part(f"{prefix_uri}/features", part.to_batches(), part.schema, part["image_id"].to_pylist())
    uris = places(spark, prefix_uri, table)
    arguments = dataclasses.replace(asked(), **uris, duplicate_likeness=LEAST)
    found = write_groups(spark.sparkContext, arguments, evidence_on(vectors, table))
    assert isinstance(found, Duplicates)

    is_near, images = near(vectors), table.to_pandas()
    splits = images["split"].to_numpy(dtype=object)
    _, components = connected_components(is_near, directed=False)
    sizes = np.bincount(components)
    assert 500 < np.count_nonzero(is_near) // 2 < 100_000
    assert found.pairs == np.count_nonzero(is_near) // 2
    assert found.groups == np.sum(sizes > 1)
    assert (found.grouped, found.largest) == (int(sizes[sizes > 1].sum()), int(sizes.max()))
    crosses = is_near[:, splits == "Training"].any(axis=1)
    assert 50 < found.leaked == np.sum(crosses & (splits == "Test"))
    assert (found.test, found.leaks[0].training_label) == (np.sum(splits == "Test"), found.leaks[0].label)

    rows: pd.DataFrame = read_dataset(spark, arguments.groups_uri, GROUPS).toPandas()
    written = rows.set_index("image_id").loc[images["image_id"]]
    ids = images["image_id"].to_numpy()
    for component in np.flatnonzero(sizes > 1):
        members = written[components == component]
        assert set(members["group"]) == {min(ids[components == component])}
        assert set(members["group_size"]) == {len(members)}
        assert len(set(members["leak_free_split"].dropna())) <= 1
    assert written["group"][sizes[components] == 1].isna().all()
    is_elsewhere = (splits == "Test") | (splits == "Validation")
    np.testing.assert_array_equal(written["nearest_in_training"].notna(), crosses & is_elsewhere)
    for place in np.flatnonzero(crosses & is_elsewhere)[:20]:
        assert is_near[place, np.flatnonzero(ids == written["nearest_in_training"].iloc[place])[0]]
    # The sample has the rows' own groups, numbered as they come, and splits.
    own = written["group"].fillna(written.index.to_series())
    assert found.sample_groups.tolist() == [list(own.unique()).index(name) for name in own]
    np.testing.assert_array_equal(found.sample_splits, written["leak_free_split"].to_numpy(dtype=object))


@pytest.mark.slow
def test_the_order_of_files_and_rows_decides_nothing(spark: SparkSession, prefix_uri: str) -> None:
    vectors, table = some_images()
    uris = places(spark, prefix_uri, table)
    found: list[tuple[pd.DataFrame, list[int]]] = []
    for order in (np.arange(ROWS), np.random.default_rng(5).permutation(ROWS)):
        part, features_uri = table.take(pa.array(order)), f"{prefix_uri}/features-{len(found)}"
        write_part(features_uri, part.to_batches(), part.schema, ["a part"])
        arguments = dataclasses.replace(asked(), **uris | {"features_uri": features_uri}, duplicate_likeness=LEAST)
        known = write_groups(spark.sparkContext, arguments, evidence_on(vectors[:ROWS], table.slice(0, ROWS)))
        assert isinstance(known, Duplicates)
        written: pd.DataFrame = read_dataset(spark, arguments.groups_uri, GROUPS).toPandas()
        found.append((written.sort_values("image_id", ignore_index=True), known.sample_groups.tolist()))
    pd.testing.assert_frame_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert (found[0][0]["split"].fillna("") != found[0][0]["leak_free_split"].fillna("")).sum() > 20


def test_what_path_or_labels_file_put_together_is_one_group_of_each_label(spark: SparkSession, prefix_uri: str) -> None:
    vectors, table = some_images()
    part = table.slice(0, 50)
    write_part(f"{prefix_uri}/features", part.to_batches(), part.schema, part["image_id"].to_pylist())
    arguments = dataclasses.replace(asked(), **places(spark, prefix_uri, part, "tree"), duplicate_likeness=1.0)
    found = write_groups(spark.sparkContext, arguments, evidence_on(vectors[:50], part))
    assert isinstance(found, Duplicates)
    assert (found.groups, found.grouped) == (4, 50)
    written: pd.DataFrame = read_dataset(spark, arguments.groups_uri, GROUPS).toPandas()
    assert set(written.groupby("label")["group"].nunique()) == {1}


@pytest.mark.slow
def test_the_groups_of_another_run_are_taken_as_they_are_also_across_labels(
    spark: SparkSession, prefix_uri: str
) -> None:
    vectors, table = some_images()
    part = table.slice(0, 50)
    write_part(f"{prefix_uri}/features", part.to_batches(), part.schema, part["image_id"].to_pylist())
    arguments = dataclasses.replace(asked(), **places(spark, prefix_uri, part, "tree"), duplicate_likeness=LEAST)
    rows = part.select(["image_id", "uri", "label", "split"]).to_pylist()
    of_row = [f"group {place % 3}" if place < 30 else None for place in range(50)]
    others = [(*row.values(), group, 1, None, None, None) for row, group in zip(rows, of_row, strict=True)]
    other_uri = f"{prefix_uri}/other"
    write_dataset(spark.createDataFrame(others, GROUPS), other_uri, GROUPS)

    evidence = evidence_on(vectors[:50], part)
    found = write_groups(spark.sparkContext, dataclasses.replace(arguments, groups_from=other_uri), evidence)
    assert isinstance(found, Duplicates)
    assert (found.groups, found.grouped, found.largest) == (3, 30, 10)
    written: pd.DataFrame = read_dataset(spark, arguments.groups_uri, GROUPS).toPandas()
    named = written.set_index("image_id").loc[part["image_id"].to_pylist()]["group"]
    assert [set(named[place:30:3].values) for place in range(3)] == [
        {min(named.index[place:30:3])} for place in range(3)
    ]
    assert named[30:].isna().all()
    assert written.groupby("group")["label"].nunique().min() > 1

    write_dataset(spark.createDataFrame([("other", *others[0][1:])], GROUPS), other_uri, GROUPS)
    with pytest.raises(OtherPhotographsError, match=r"no photograph of this run is in s3://.*/other; give"):
        write_groups(spark.sparkContext, dataclasses.replace(arguments, groups_from=other_uri), evidence)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"non_finite": 1}, "not finite"),
        ({"narrowest": 5}, "differ in width"),
        ({"rows": 0}, "the features are none"),
        ({"rows": 1_000_001}, "1,000,001 images are more"),
    ],
)
def test_vectors_that_cannot_be_compared_say_why(changes: dict[str, int], reason: str) -> None:
    assert reason in why_not(facts(np.ones((9, 24)), **changes))


def test_random_weights_are_not_compared_and_every_image_stays_alone(spark: SparkSession, prefix_uri: str) -> None:
    vectors, table = some_images()
    part = table.slice(0, 50)
    write_part(f"{prefix_uri}/features", part.to_batches(), part.schema, part["image_id"].to_pylist())
    uris = places(spark, prefix_uri, part)
    evidence = evidence_on(vectors[:50], part)
    featurize = dict(evidence.stats["featurize_images"] or {})
    featurize["details"] = {**featurize["details"], "weights": {"source": "random:0", "pretrained": False}}
    evidence = dataclasses.replace(evidence, stats={**evidence.stats, "featurize_images": featurize})
    found = write_groups(spark.sparkContext, dataclasses.replace(asked(), **uris), evidence)
    assert isinstance(found, Unavailable)
    assert found.reason.startswith("the weights are random")
    written: pd.DataFrame = read_dataset(spark, uris["groups_uri"], GROUPS).toPandas()
    assert (len(written), written["group"].isna().all(), set(written["group_size"])) == (50, True, {1})
    assert written["leak_free_split"].equals(written["split"])
