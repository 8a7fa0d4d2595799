"""The stage `reduce_features`: what it writes, read back, against scikit-learn; its CSV; its refusals."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, lit, when
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from image_features.errors import ArgumentError, CommandLineError
from image_features.job.progress import ProgressReporter
from image_features.job.stats import StageStats
from image_features.reduce.arguments import ReduceArguments, parse_reduce_arguments
from image_features.reduce.pca import TooManyComponentsError
from image_features.reduce.spark_model import apply_model
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.storage import objects
from image_features.storage.datasets import read_dataset
from reduce_features import reduce_features
from tests.spark_jobs.conftest import BUCKET
from tests.spark_jobs.stored_datasets import write_dataset
from tests.spark_jobs.synthetic import features_table, labelled_vectors, to_frame, vectors_in

COMPONENTS = 8
HOSTILE_URI = 's3://photographs/landing/ Apple, "red"\nand\r\n100%+#\u00e9\U0001f34e/ 1 .jpg '


def command_line(prefix_uri: str, *more: str) -> list[str]:
    folders = ("features", "model", "pca-features", "pca-features-csv")
    uris = [part for name in folders for part in (f"--{name}-uri", f"{prefix_uri}/{name.replace('-', '_')}")]
    uris += ["--stats-prefix-uri", f"{prefix_uri}/stats"]
    uris += ["--published-uri", f"{prefix_uri}/published/latest.json"]
    documents = ["--stats-uri", f"{prefix_uri}/stats.json", "--progress-uri", f"{prefix_uri}/progress.json"]
    return [*uris, *documents, *(more or ("--pca-components", str(COMPONENTS)))]


def run(spark: SparkSession, prefix_uri: str, *more: str) -> StageStats:
    arguments = parse_reduce_arguments(command_line(prefix_uri, *more))
    return reduce_features(spark, arguments, ProgressReporter(arguments.progress_uri, "reduce_features"))


@pytest.fixture(scope="module")
def vectors(spark: SparkSession) -> np.ndarray:
    """In the order of image_id."""
    return vectors_in(to_frame(spark, features_table(*labelled_vectors())), "features").astype(np.float32)


@pytest.fixture(scope="module")
def reduced(spark: SparkSession) -> tuple[str, StageStats]:
    """A finished stage with a CSV, and what it counted; tests that write use a prefix of their own."""
    uri = f"s3://{BUCKET}/reduce_features/finished"
    write_dataset(to_frame(spark, features_table(*labelled_vectors())), f"{uri}/features", FEATURES)
    return uri, run(spark, uri, "--pca-components", str(COMPONENTS), "--formats", "parquet,csv")


@pytest.fixture
def own_uri(spark: SparkSession, prefix_uri: str) -> str:
    """The test's prefix, with features."""
    write_dataset(to_frame(spark, features_table(*labelled_vectors())), f"{prefix_uri}/features", FEATURES)
    return prefix_uri


def scikit_learn(vectors: np.ndarray) -> tuple[PCA, np.ndarray]:
    scaled = StandardScaler().fit_transform(vectors.astype(np.float64))
    pca = PCA(svd_solver="full").fit(scaled)
    # StandardScaler divides by the population's deviation, Spark ML and this project by the sample's.
    return pca, pca.transform(scaled) * np.sqrt((len(vectors) - 1) / len(vectors))


def test_pca_features_equal_scikit_learns_up_to_sign(
    spark: SparkSession, reduced: tuple[str, StageStats], vectors: np.ndarray
) -> None:
    stored = read_dataset(spark, f"{reduced[0]}/pca_features", PCA_FEATURES)
    expected = scikit_learn(vectors)[1][:, :COMPONENTS]
    found = vectors_in(stored, "pca_features")
    signs = np.sign((found * expected).sum(axis=0))
    # float32 keeps 7 digits of values up to about 10.
    np.testing.assert_allclose(found, expected * signs, atol=1e-6)


def test_every_image_keeps_its_columns(spark: SparkSession, reduced: tuple[str, StageStats]) -> None:
    kept = ["image_id", "uri", "label", "split", "etag"]
    before = read_dataset(spark, f"{reduced[0]}/features", FEATURES).select(kept).collect()
    after = read_dataset(spark, f"{reduced[0]}/pca_features", PCA_FEATURES).select(kept).collect()
    assert sorted(before) == sorted(after)


@pytest.mark.slow
def test_the_saved_model_reproduces_what_is_stored(spark: SparkSession, reduced: tuple[str, StageStats]) -> None:
    model = PipelineModel.load(f"{reduced[0]}/model")
    computed = apply_model(model, read_dataset(spark, f"{reduced[0]}/features", FEATURES))
    stored = read_dataset(spark, f"{reduced[0]}/pca_features", PCA_FEATURES)
    np.testing.assert_allclose(vectors_in(computed, "pca_features"), vectors_in(stored, "pca_features"), atol=1e-6)


def test_the_stats_say_what_was_explained(reduced: tuple[str, StageStats], vectors: np.ndarray) -> None:
    stats = reduced[1]
    ratios = scikit_learn(vectors)[0].explained_variance_ratio_
    assert (stats.rows_in, stats.rows_out) == (len(vectors), len(vectors))
    assert (stats.details["components"], stats.details["dimension"]) == (COMPONENTS, vectors.shape[1])
    np.testing.assert_allclose(stats.details["explained_variance_ratio"], ratios[:COMPONENTS], atol=1e-9)
    np.testing.assert_allclose(stats.details["spectrum"], ratios, atol=1e-9)
    assert stats.details["explained_variance"] == pytest.approx(ratios[:COMPONENTS].sum())
    json.dumps(dict(stats.details), allow_nan=False)


@pytest.mark.slow
def test_a_share_of_the_variance_decides_how_many(spark: SparkSession, own_uri: str, vectors: np.ndarray) -> None:
    stats = run(spark, own_uri, "--explained-variance", "0.9")
    cumulative = np.cumsum(scikit_learn(vectors)[0].explained_variance_ratio_)
    assert stats.details["components"] == int(np.argmax(cumulative >= 0.9)) + 1


def test_more_components_than_rows_or_columns_allow_are_refused(spark: SparkSession, own_uri: str) -> None:
    with pytest.raises(TooManyComponentsError, match="120 rows and 24 columns, which vary in 23"):
        run(spark, own_uri, "--pca-components", "24")


@pytest.mark.slow
def test_a_second_run_writes_the_same_numbers_and_a_csv_of_an_earlier_attempt_does_not_stay(
    spark: SparkSession, reduced: tuple[str, StageStats], own_uri: str
) -> None:
    objects.write_bytes(f"{own_uri}/pca_features_csv/part-0.csv", b"of an earlier attempt")
    run(spark, own_uri)
    first, second = (
        vectors_in(read_dataset(spark, f"{uri}/pca_features", PCA_FEATURES), "pca_features")
        for uri in (reduced[0], own_uri)
    )
    np.testing.assert_array_equal(first, second)
    assert not list(objects.list_objects(f"{own_uri}/pca_features_csv"))


def rows_of_csv(endpoint: Path, prefix_uri: str) -> list[dict[str, str]]:
    folder = endpoint / prefix_uri.removeprefix("s3://") / "pca_features_csv"
    found: list[dict[str, str]] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            found += csv.DictReader(lines, strict=True)
    return found


def test_the_csv_holds_the_same_as_the_parquet(
    spark: SparkSession, reduced: tuple[str, StageStats], endpoint: Path
) -> None:
    rows = sorted(rows_of_csv(endpoint, reduced[0]), key=lambda row: row["image_id"])
    components = [f"pc_{number:03d}" for number in range(1, COMPONENTS + 1)]
    assert list(rows[0]) == ["image_id", "uri", "label", "split", "etag", *components]
    stored = read_dataset(spark, f"{reduced[0]}/pca_features", PCA_FEATURES).orderBy("image_id").collect()
    assert [row["uri"] for row in rows] == [row["uri"] for row in stored]
    in_csv = np.array([[row[name] for name in components] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(in_csv, np.array([row["pca_features"] for row in stored], dtype=np.float32))


# What a spreadsheet runs as a formula, what pandas takes for missing or for a number, and what breaks a careless CSV.
LABELS_IN_DISGUISE = ("=1+1", "@SUM(1)", "-1", "NA", "null", "NaN", "007", "1e3", ' a, "b"\n ', "'quoted'")


@pytest.mark.slow
def test_hostile_names_and_a_missing_label_survive_the_csv(spark: SparkSession, own_uri: str, endpoint: Path) -> None:
    features = read_dataset(spark, f"{own_uri}/features", FEATURES).localCheckpoint()
    uris = sorted(row["uri"] for row in features.collect())
    labels: dict[str, str | None] = {HOSTILE_URI: None, **dict(zip(uris[1:], LABELS_IN_DISGUISE, strict=False))}
    renamed = features.withColumn("uri", when(col("uri") == uris[0], lit(HOSTILE_URI)).otherwise(col("uri")))
    for uri, label in labels.items():
        renamed = renamed.withColumn("label", when(col("uri") == uri, lit(label)).otherwise(col("label")))
    write_dataset(renamed, f"{own_uri}/features", FEATURES)
    run(spark, own_uri, "--pca-components", "2", "--formats", "parquet,csv")
    rows = {row["uri"]: row["label"] for row in rows_of_csv(endpoint, own_uri)}
    assert len(rows) == len(uris)
    assert {uri: rows[uri] or None for uri in labels} == labels
    # As `docs/reading.md` says it.
    texts = {"label": str, "split": str}
    folder = endpoint / own_uri.removeprefix("s3://") / "pca_features_csv"
    parts = [
        pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={"label": [""], "split": [""]})
        for path in sorted(folder.glob("*.csv"))
    ]
    table = pd.concat(parts).set_index("uri")
    assert {uri: label for uri, label in table["label"].items() if uri in labels and pd.notna(label)} == {
        uri: label for uri, label in labels.items() if label
    }
    assert table["label"].isna().sum() == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--pca-components", "0"), "from 1 to 2048"),
        (("--explained-variance", "0"), "above 0"),
        (("--explained-variance", "1.5"), "at most 1"),
        (("--explained-variance", "nan"), "above 0"),
        (("--pca-components", "2", "--explained-variance", "0.5"), "exactly one"),
        (("--formats", "parquet"), "exactly one"),
        (("--pca-components", "2", "--formats", "csv"), "parquet, or parquet,csv"),
        (("--pca-components", "2", "--formats", "parquet,xlsx"), "parquet, or parquet,csv"),
    ],
)
def test_nonsense_is_refused_when_the_arguments_are_made(more: tuple[str, ...], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        parse_reduce_arguments(command_line("s3://bucket/runs/one", *more))


def test_a_count_that_is_no_number_is_refused() -> None:
    with pytest.raises(CommandLineError, match="pca-components"):
        parse_reduce_arguments(command_line("s3://bucket/runs/one", "--pca-components", "many"))


def test_arguments_become_fields() -> None:
    arguments = parse_reduce_arguments(
        command_line("s3://bucket/runs/one", "--pca-components", "3", "--formats", "parquet,csv")
    )
    assert isinstance(arguments, ReduceArguments)
    assert (arguments.pca_components, arguments.explained_variance) == (3, None)
    assert arguments.formats == ("parquet", "csv")
    assert arguments.pca_features_csv_uri == "s3://bucket/runs/one/pca_features_csv"
