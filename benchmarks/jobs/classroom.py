"""The classroom shape: how the projects that this one replaces featurize, kept as the baseline to measure against.

One Spark job: `binaryFile`, `repartition`, and a scalar-iterator pandas UDF that builds the Keras model for each task,
decodes with Pillow, stacks with NumPy and calls `model.predict`. Nothing in it is made slow on purpose; only the resize
is a choice, so that both sides of a comparison do the same work.
"""

import argparse
import io
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from PIL import Image
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", required=True, help="a folder of folders of photographs")
    parser.add_argument("--features", required=True, help="where the Parquet goes")
    parser.add_argument("--backbone", choices=tuple(CONSTRUCTORS), required=True)
    parser.add_argument("--weights", required=True, help="an .h5 file that every worker can read")
    parser.add_argument("--resize", choices=tuple(RESIZES), default="bilinear")
    arguments = parser.parse_args()
    spark = (
        SparkSession.builder.appName("classroom")
        # Spark's own default, which the classroom never touched; the cluster of this project sets another.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
        .getOrCreate()
    )
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
    spark.stop()


if __name__ == "__main__":
    main()
