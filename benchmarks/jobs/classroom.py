"""The classroom shape: how the projects that this one replaces featurize, kept as the baseline to measure against.

One Spark job: `binaryFile`, `repartition`, and a scalar-iterator pandas UDF that builds the Keras model for each task,
decodes with Pillow, stacks with NumPy and calls `model.predict`. Nothing in it is made slow on purpose; only the resize
is a choice, so that both sides of a comparison do the same work. With `--components` it is the whole notebook: the same
session then standardizes the features, fits a PCA by Spark ML, and saves its Parquet.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.ml import Pipeline
from pyspark.ml.feature import PCA, StandardScaler
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, SparkSession
from pyspark.sql.functions import col, element_at, pandas_udf, split
from pyspark.sql.types import ArrayType, FloatType

RESIZES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
CONSTRUCTORS = {"mobilenet_v2": "MobileNetV2", "resnet50": "ResNet50", "vgg16": "VGG16"}
PARTITIONS = 20
"""As in the classroom's notebooks."""


def make_featurize(backbone: str, weights: str, resize: str) -> Callable[..., Column]:
    @pandas_udf(ArrayType(FloatType()))  # type: ignore[call-overload]
    def featurize(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        from keras import applications

        module = getattr(applications, backbone)
        build = getattr(applications, CONSTRUCTORS[backbone])
        model = build(include_top=False, pooling="avg", input_shape=(224, 224, 3), weights=weights)

        def preprocess(content: bytes) -> np.ndarray:
            image = Image.open(io.BytesIO(content)).convert("RGB").resize((224, 224), RESIZES[resize])
            return module.preprocess_input(np.asarray(image, dtype="float32"))

        for contents in batches:
            predictions = model.predict(np.stack(contents.map(preprocess)), verbose=0)
            yield pd.Series([prediction.flatten() for prediction in predictions])

    return featurize


def reduce(spark: SparkSession, features_uri: str, components: int, target: str) -> None:
    """Standardize and reduce the saved features, and save the result, as the notebooks' second half does."""
    features = spark.read.parquet(features_uri).withColumn("vector", array_to_vector(col("features")))
    stages: list[Any] = [
        StandardScaler(withMean=True, withStd=True, inputCol="vector", outputCol="scaled"),
        PCA(k=components, inputCol="scaled", outputCol="projected"),
    ]
    reduced = Pipeline(stages=stages).fit(features).transform(features)
    vectors = vector_to_array(col("projected")).alias("pca_features")
    reduced.select("path", "label", vectors).write.mode("overwrite").parquet(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", required=True, help="a folder of folders of photographs")
    parser.add_argument("--features", required=True, help="where the Parquet goes")
    parser.add_argument("--backbone", choices=tuple(CONSTRUCTORS), required=True)
    parser.add_argument("--weights", required=True, help="an .h5 file that every worker can read")
    parser.add_argument("--resize", choices=tuple(RESIZES), default="bilinear")
    parser.add_argument("--components", type=int, help="of the PCA; without it, features are all that is made")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("classroom").getOrCreate()
    photos = (
        spark.read.format("binaryFile")
        .option("pathGlobFilter", "*.jpg")
        .option("recursiveFileLookup", "true")
        .load(arguments.photos)
        .repartition(PARTITIONS)
    )
    featurize = make_featurize(arguments.backbone, arguments.weights, arguments.resize)
    features = photos.select(
        col("path"), element_at(split("path", "/"), -2).alias("label"), featurize("content").alias("features")
    )
    features.write.mode("overwrite").parquet(arguments.features)
    if arguments.components:
        reduce(spark, arguments.features, arguments.components, f"{arguments.features}-pca")
    spark.stop()


if __name__ == "__main__":
    main()
