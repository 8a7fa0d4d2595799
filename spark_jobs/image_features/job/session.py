"""The Spark session of a stage, with the settings that all stages rest on."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkContext
from pyspark.sql import SparkSession

_SETTINGS: dict[str, bool | float | int | str | None] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The model and the S3 client are made once per Python worker and kept for all its tasks.
    "spark.python.worker.reuse": "true",
    # A run named `stage=007` is text.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


@contextmanager
def open_session(app_name: str) -> Iterator[SparkSession]:
    """Yield a session for the time of the block.

    A session that was open before belongs to whoever opened it, and stays open.
    """
    is_ours = SparkContext._active_spark_context is None
    session = SparkSession.builder.appName(app_name).config(map=_SETTINGS).getOrCreate()
    # Spark's own messages while it shuts down would push the job's last line out of sight.
    session.sparkContext.setLogLevel("WARN")
    try:
        yield session
    finally:
        if is_ours:
            session.stop()


def cores_per_task(session: SparkSession) -> int:
    """Return how many threads a task may use, so that all tasks of a node together use its cores and no more."""
    return int(session.sparkContext.getConf().get("spark.task.cpus", "1"))
