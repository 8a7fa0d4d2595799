"""The fitted PcaModel as a Spark ML PipelineModel of StandardScalerModel and PCAModel, which any Spark can load.

Its input is a vector column `features_vector`, its output a vector column `pca_features_vector`:

    PipelineModel.load(uri).transform(features.withColumn("features_vector", array_to_vector(col("features"))))
"""

from collections.abc import Iterable, Mapping
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.ml.common import _py2java
from pyspark.ml.feature import PCAModel, StandardScalerModel
from pyspark.ml.linalg import DenseMatrix, DenseVector
from pyspark.ml.wrapper import JavaModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col

from image_features.errors import Unavailable
from image_features.job.error_text import name_and_gist
from image_features.reduce.pca import PcaModel

INPUT_COLUMN = "features_vector"
SCALED_COLUMN = "scaled_features_vector"
OUTPUT_COLUMN = "pca_features_vector"


def to_pipeline_model(spark: SparkSession, model: PcaModel) -> PipelineModel:
    """Return the same scaling and projection as Spark ML would have fitted."""
    width, k = model.components.shape
    components = DenseMatrix(width, k, model.components.ravel(order="F"))
    scaling = DenseVector(model.std), DenseVector(model.mean)
    projection = components, DenseVector(model.explained_variance_ratio)
    scaled = {"inputCol": INPUT_COLUMN, "outputCol": SCALED_COLUMN, "withMean": True, "withStd": True}
    projected = {"inputCol": SCALED_COLUMN, "outputCol": OUTPUT_COLUMN, "k": k}
    scaler = _stage(spark, StandardScalerModel, "standard_scaler", scaling, scaled)
    return PipelineModel([scaler, _stage(spark, PCAModel, "pca", projection, projected)])


def load_model(uri: str) -> PipelineModel | Unavailable:
    """Load a StandardScalerModel and a PCAModel as any Spark would, or return why they do not load."""
    try:
        pipeline = PipelineModel.load(uri)
    except (Py4JError, PySparkException, ValueError) as error:
        # PipelineModel.load raises the ValueError "RDD is empty" for a folder that is empty or not there.
        return Unavailable(": ".join(name_and_gist(error)))
    if [type(stage) for stage in pipeline.stages] != [StandardScalerModel, PCAModel]:
        return Unavailable("it is not a StandardScalerModel followed by a PCAModel")
    return pipeline


def to_pca_model(pipeline: PipelineModel, rows: int) -> PcaModel:
    """Return the fitted numbers of a loaded model, whose `spectrum` ends with its components: no more of it is saved.

    `rows`, the number of rows that it was fitted on, is not saved either.
    """
    scaler, pca = pipeline.stages
    assert isinstance(scaler, StandardScalerModel), "load_model refuses others"
    assert isinstance(pca, PCAModel), "load_model refuses others"
    ratio = pca.explainedVariance.toArray()
    return PcaModel(rows, scaler.mean.toArray(), scaler.std.toArray(), pca.pc.toArray(), ratio, ratio)


def apply_model(pipeline: PipelineModel, features: DataFrame) -> DataFrame:
    """Return `features` with a column `pca_features` array<double>, computed by Spark ML."""
    # It imports pandas, which takes half a second, and reduce_features does without.
    from pyspark.ml.functions import array_to_vector, vector_to_array

    vectors = features.withColumn(INPUT_COLUMN, array_to_vector(col("features")))
    projected = pipeline.transform(vectors).withColumn("pca_features", vector_to_array(col(OUTPUT_COLUMN)))
    return projected.drop(INPUT_COLUMN, SCALED_COLUMN, OUTPUT_COLUMN)


def _stage(
    spark: SparkSession, kind: type[JavaModel], name: str, fitted: Iterable[Any], params: Mapping[str, Any]
) -> JavaModel:
    # The constructors that take fitted values are private[ml] in Scala only; the JVM, and so Py4J, may call them.
    # The uid is fixed, so that a rerun writes the same model under the same names.
    jvm = spark._jvm
    assert jvm is not None, "a classic session, as spark-submit makes it, has a JVM"
    constructor = getattr(jvm.org.apache.spark.ml.feature, kind.__name__)
    java = constructor(f"fruit_features_{name}", *[_py2java(spark.sparkContext, value) for value in fitted])
    for param, value in params.items():
        java.set(java.getParam(param), value)
    stage = kind(java)
    stage._transfer_params_from_java()
    stage._resetUid(java.uid())
    return stage
