"""The saved model: what Spark ML itself would have fitted, loaded and applied by Spark ML alone."""

from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.feature import PCA, PCAModel, StandardScaler, StandardScalerModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col

from image_features.reduce.gram import gram_of
from image_features.reduce.pca import PcaModel, fit_pca, with_fixed_signs
from image_features.reduce.spark_model import (
    INPUT_COLUMN,
    OUTPUT_COLUMN,
    SCALED_COLUMN,
    apply_model,
    to_pipeline_model,
)
from tests.spark_jobs.synthetic import feature_like, features_table, to_frame, vectors_in

COMPONENTS = 6


@pytest.fixture(scope="module")
def features(spark: SparkSession) -> DataFrame:
    names = np.array(["Apple"] * 150, dtype=object)
    return to_frame(spark, features_table(feature_like(150, 20), names)).cache()


@pytest.fixture(scope="module")
def model() -> PcaModel:
    return fit_pca(gram_of(feature_like(150, 20)), COMPONENTS)


@pytest.fixture(scope="module")
def loaded(spark: SparkSession, model: PcaModel, tmp_path_factory: pytest.TempPathFactory) -> PipelineModel:
    folder: Path = tmp_path_factory.mktemp("model")
    uri = f"file://{folder / 'fitted'}"
    to_pipeline_model(spark, model).write().save(uri)
    return PipelineModel.load(uri)


def test_it_loads_as_a_scaler_and_a_pca(loaded: PipelineModel, model: PcaModel) -> None:
    scaler, pca = loaded.stages
    assert isinstance(scaler, StandardScalerModel)
    assert isinstance(pca, PCAModel)
    assert (scaler.getWithMean(), scaler.getWithStd(), pca.getK()) == (True, True, COMPONENTS)
    assert (scaler.getInputCol(), scaler.getOutputCol()) == (INPUT_COLUMN, SCALED_COLUMN)
    assert (pca.getInputCol(), pca.getOutputCol()) == (SCALED_COLUMN, OUTPUT_COLUMN)
    np.testing.assert_array_equal(scaler.mean.toArray(), model.mean)
    np.testing.assert_array_equal(scaler.std.toArray(), model.std)
    np.testing.assert_array_equal(pca.pc.toArray(), model.components)
    np.testing.assert_array_equal(pca.explainedVariance.toArray(), model.explained_variance_ratio)


def test_spark_ml_transforms_with_it_as_numpy_does(loaded: PipelineModel, model: PcaModel, features: DataFrame) -> None:
    expected = (vectors_in(features, "features") - model.mean) @ model.projection
    np.testing.assert_allclose(vectors_in(apply_model(loaded, features), "pca_features"), expected, atol=1e-9)


@pytest.mark.slow
def test_it_equals_what_spark_ml_fits_itself(model: PcaModel, features: DataFrame) -> None:
    vectors = features.select(array_to_vector(col("features")).alias("vector"))
    scaler = StandardScaler(inputCol="vector", outputCol="scaled", withMean=True, withStd=True).fit(vectors)
    pca = PCA(inputCol="scaled", outputCol="projected", k=COMPONENTS).fit(scaler.transform(vectors))
    np.testing.assert_allclose(scaler.mean.toArray(), model.mean, rtol=1e-10, atol=1e-12)
    # Spark's own sums leave a constant column a deviation of 0 or of 1e-17; ours is exactly 0.
    np.testing.assert_allclose(scaler.std.toArray(), model.std, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(with_fixed_signs(pca.pc.toArray()), model.components, atol=1e-8)
    np.testing.assert_allclose(pca.explainedVariance.toArray(), model.explained_variance_ratio, atol=1e-9)
