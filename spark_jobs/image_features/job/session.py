"""The Spark session of a stage, with the settings that all stages rest on."""

from pyspark.sql import SparkSession

_SETTINGS: dict[str, bool | float | int | str | None] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The model and the S3 client are made once per Python worker and kept for all its tasks.
    "spark.python.worker.reuse": "true",
    # A run named `stage=007` is text.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


def open_session(app_name: str) -> SparkSession:
    """Return the session that is open, or open one, which ends with the process.

    Nobody stops it: PySpark's `stop` waits up to a second for its server of accumulators, and Spark's own shutdown
    hook does the same when the driver has ended.
    """
    session = SparkSession.builder.appName(app_name).config(map=_SETTINGS).getOrCreate()
    # Spark's own messages while it shuts down would push the job's last line out of sight.
    session.sparkContext.setLogLevel("WARN")
    return session


def cores_per_task(session: SparkSession) -> int:
    """Return how many threads a task may use, so that all tasks of a node together use its cores and no more."""
    return int(session.sparkContext.getConf().get("spark.task.cpus", "1"))
