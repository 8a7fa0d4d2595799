"""StandardScaler and PCA as Spark ML fits them, and the projected features: the baseline of reduce_features."""

import argparse

from pyspark.ml import Pipeline
from pyspark.ml.feature import PCA, StandardScaler
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import SparkSession
from pyspark.sql.functions import col


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("features", "model", "pca-features", "components"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("spark_ml_pca").getOrCreate()
    features = spark.read.parquet(arguments.features)
    vectors = features.withColumn("vector", array_to_vector(col("features"))).drop("features")
    pipeline = Pipeline(
        stages=[
            StandardScaler(withMean=True, withStd=True, inputCol="vector", outputCol="scaled"),
            PCA(k=int(arguments.components), inputCol="scaled", outputCol="projected"),
        ]
    )
    model = pipeline.fit(vectors)
    model.write().overwrite().save(arguments.model)
    projected = model.transform(vectors).withColumn("pca_features", vector_to_array(col("projected"), "float32"))
    projected.select("image_id", "uri", "label", "split", "etag", "pca_features").write.mode("overwrite").option(
        "compression", "zstd"
    ).parquet(arguments.pca_features)
    spark.stop()


if __name__ == "__main__":
    main()
