"""The shape that Spark offers since 3.4: `pyspark.ml.functions.predict_batch_udf`, after a pandas UDF that decodes."""

import argparse
import io
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, pandas_udf
from pyspark.sql.types import ArrayType, FloatType

SIDE_PX = 224
CONSTRUCTORS = {"mobilenet_v2": "MobileNetV2", "resnet50": "ResNet50", "vgg16": "VGG16"}


@pandas_udf(ArrayType(FloatType()))  # type: ignore[call-overload]
def decode(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    def pixels(content: bytes) -> np.ndarray:
        image = Image.open(io.BytesIO(content)).convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
        return np.asarray(image, dtype="float32").ravel()

    for contents in batches:
        yield contents.map(pixels)


def make_predict(backbone: str, weights: str) -> Callable[[], Callable[[np.ndarray], np.ndarray]]:
    def make() -> Callable[[np.ndarray], np.ndarray]:
        from keras import applications

        module = getattr(applications, backbone)
        build = getattr(applications, CONSTRUCTORS[backbone])
        model = build(include_top=False, pooling="avg", input_shape=(SIDE_PX, SIDE_PX, 3), weights=weights)
        return lambda pixels: model.predict(module.preprocess_input(pixels.copy()), verbose=0)

    return make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("photos", "features", "backbone", "weights"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    spark = (
        SparkSession.builder.appName("predict_batch_udf")
        # A float32 image is 600 kB: 10,000 of them, Spark's default, would not fit a worker.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "256")
        .getOrCreate()
    )
    predict = predict_batch_udf(
        make_predict(arguments.backbone, arguments.weights),
        return_type=ArrayType(FloatType()),
        batch_size=32,
        input_tensor_shapes=[[SIDE_PX, SIDE_PX, 3]],
    )
    photos = (
        spark.read.format("binaryFile")
        .option("pathGlobFilter", "*.jpg")
        .option("recursiveFileLookup", "true")
        .load(arguments.photos)
        .repartition(20)
    )
    photos.select(col("path"), predict(decode("content")).alias("features")).write.mode("overwrite").parquet(
        arguments.features
    )
    spark.stop()


if __name__ == "__main__":
    main()
