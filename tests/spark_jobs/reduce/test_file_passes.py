"""The passes of PCA over files: the Gram of all rows, the projection of each, and what is a file of the dataset."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from image_features.reduce import file_passes
from image_features.reduce.file_passes import NoVectorsError, combined, gram_of_dataset, project_dataset
from image_features.reduce.gram import Gram, RaggedVectorsError, gram_of
from image_features.reduce.pca import fit_pca, project
from image_features.schemas import FEATURES, PCA_FEATURES
from image_features.storage import objects, parquet_files
from image_features.storage.datasets import read_dataset
from image_features.storage.parquet_files import data_files, file_groups
from tests.spark_jobs.stored_datasets import write_dataset
from tests.spark_jobs.synthetic import feature_like, features_table, to_frame, vectors_in

ROWS, COLUMNS = 230, 20


@pytest.fixture
def vectors() -> np.ndarray:
    return feature_like(ROWS, COLUMNS)


@pytest.fixture
def features_uri(spark: SparkSession, prefix_uri: str, vectors: np.ndarray) -> str:
    """Twenty files, of which some may be without a row."""
    table = features_table(vectors, np.array(["Apple"] * ROWS, dtype=object))
    write_dataset(to_frame(spark, table, 20), f"{prefix_uri}/features", FEATURES)
    return f"{prefix_uri}/features"


@pytest.mark.slow
@pytest.mark.parametrize("group_bytes", [1, 20_000, 64 * 2**20], ids=["a file each", "a few each", "all in one"])
def test_the_gram_is_that_of_all_rows_however_files_are_grouped(
    spark: SparkSession, features_uri: str, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch, group_bytes: int
) -> None:
    monkeypatch.setattr(parquet_files, "GROUP_BYTES", group_bytes)
    found, again = (gram_of_dataset(spark.sparkContext, features_uri, "features") for _ in range(2))
    expected = gram_of(vectors)
    assert found.rows == ROWS
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=1e-9, atol=1e-9)
    assert found.scatter.tobytes() == again.scatter.tobytes()


def test_the_projection_is_that_of_numpy_and_keeps_the_images_columns(
    spark: SparkSession, prefix_uri: str, features_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several batches a file, several files a group, several groups.
    monkeypatch.setattr(file_passes, "ROWS_PER_ARROW_BATCH", 3)
    monkeypatch.setattr(parquet_files, "GROUP_BYTES", 30_000)
    features = read_dataset(spark, features_uri, FEATURES)
    model = fit_pca(gram_of_dataset(spark.sparkContext, features_uri, "features"), 7)
    target = f"{prefix_uri}/pca_features"
    objects.write_bytes(f"{target}/part-of-an-earlier-attempt.parquet", b"not even Parquet")

    assert project_dataset(spark.sparkContext, features_uri, model, target) == ROWS

    pca_features = read_dataset(spark, target, PCA_FEATURES)
    kept = [name for name in FEATURES.names if name != "features"]
    assert sorted(pca_features.select(kept).collect()) == sorted(features.select(kept).collect())
    expected = project(vectors_in(features, "features").astype(np.float32), model.mean, model.projection)
    np.testing.assert_array_equal(vectors_in(pca_features, "pca_features").astype(np.float32), expected)
    assert len(list(data_files(target))) == len(list(file_groups(features_uri))) > 1


def test_a_file_is_a_row_group_of_its_own(spark: SparkSession, prefix_uri: str, features_uri: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = fit_pca(gram_of_dataset(spark.sparkContext, features_uri, "features"), 7)
    project_dataset(spark.sparkContext, features_uri, model, f"{prefix_uri}/pca_features")
    (written,) = data_files(f"{prefix_uri}/pca_features")
    (tmp_path / "it.parquet").write_bytes(objects.read_bytes(written.uri))
    sizes = {pq.ParquetFile(tmp_path / "it.parquet").metadata.row_group(number).num_rows for number in range(3)}
    assert sizes <= {11, 12}


def test_what_spark_does_not_read_is_no_file_of_the_dataset(prefix_uri: str, endpoint: object) -> None:
    names = ("_older/part-9.parquet", "part-1.parquet", ".part-2.parquet", "stage=x/part-3.parquet", "_SUCCESS")
    for name in names:
        objects.write_bytes(f"{prefix_uri}/_run/features/{name}", b"")
    found = [
        file.uri.removeprefix(f"{prefix_uri}/_run/features/") for file in data_files(f"{prefix_uri}/_run/features")
    ]
    assert found == ["part-1.parquet", "stage=x/part-3.parquet"]


def test_no_rows_at_all_are_an_error_that_says_where_to_look(spark: SparkSession, prefix_uri: str) -> None:
    write_dataset(spark.createDataFrame([], FEATURES), f"{prefix_uri}/features", FEATURES)
    with pytest.raises(NoVectorsError, match="rejects"):
        gram_of_dataset(spark.sparkContext, f"{prefix_uri}/features", "features")


def test_vectors_of_two_widths_are_refused(spark: SparkSession, prefix_uri: str) -> None:
    rows = [(str(width), f"s3://b/{width}", None, None, "e", [0.5] * width) for width in (2, 3)]
    write_dataset(spark.createDataFrame(rows, FEATURES).coalesce(1), f"{prefix_uri}/features", FEATURES)
    with pytest.raises(Exception, match=RaggedVectorsError.__name__):
        gram_of_dataset(spark.sparkContext, f"{prefix_uri}/features", "features")


def partials(parts: int) -> list[tuple[int, Gram]]:
    return [(number, gram_of(part)) for number, part in enumerate(np.array_split(feature_like(ROWS, COLUMNS), parts))]


@pytest.mark.parametrize("parts", [1, 5, 20])
def test_the_gram_of_any_number_of_parts_is_that_of_all_rows(spark: SparkSession, parts: int) -> None:
    # 20 parts go through two levels of the tree (20, 3, 1), 5 through one.
    gram = combined(spark.sparkContext.parallelize(partials(parts), 4), parts, "features")
    wide = feature_like(ROWS, COLUMNS).astype(np.float64)
    centred = wide - wide.mean(axis=0)
    assert gram.rows == ROWS
    np.testing.assert_allclose(gram.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(gram.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_neighbours_are_merged_in_their_order_however_they_arrive(spark: SparkSession) -> None:
    arrived = partials(20)
    shuffled = [arrived[place] for place in np.random.default_rng(3).permutation(len(arrived))]
    in_order, out_of_order = (
        combined(spark.sparkContext.parallelize(grams, 4), 20, "features") for grams in (arrived, shuffled)
    )
    assert in_order.scatter.tobytes() == out_of_order.scatter.tobytes()
    assert in_order.mean.tobytes() == out_of_order.mean.tobytes()
