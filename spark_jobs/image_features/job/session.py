"""Opens the Spark session of a stage with the settings that all stages rest on."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from pyspark import SparkContext
from pyspark.sql import SparkSession

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The model and the S3 client are made once per Python worker and kept for all its tasks.
    "spark.python.worker.reuse": "true",
    "spark.scheduler.mode": "FAIR",
    # A run named `stage=007` is text.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}

SMALL_JOBS_POOL = "small_jobs"
"""Of Spark's scheduler: a job of a thread that chose it gets the next free core, though another has tasks waiting."""

_POOLS = f"""<allocations><pool name="{SMALL_JOBS_POOL}">
<schedulingMode>FIFO</schedulingMode><weight>1</weight><minShare>0</minShare>
</pool></allocations>"""


@contextmanager
def open_session(app_name: str) -> Iterator[SparkSession]:
    """A session for the time of the block. One that was open before belongs to its opener and stays open."""
    # getActiveSession() would not do: it is one of a thread, and None in a thread that has not used it yet.
    is_ours = SparkContext._active_spark_context is None
    builder = SparkSession.builder.appName(app_name)
    for key, value in _SETTINGS.items():
        builder = builder.config(key, value)
    with NamedTemporaryFile("w", suffix=".xml") as pools:
        pools.write(_POOLS)
        pools.flush()
        # Named in full: by itself Spark looks for it in HDFS.
        session = builder.config("spark.scheduler.allocation.file", f"file://{pools.name}").getOrCreate()
    # Spark's own chatter while it shuts down would push the job's last line out of sight.
    session.sparkContext.setLogLevel("WARN")
    try:
        yield session
    finally:
        if is_ours:
            session.stop()


def cores_per_task(session: SparkSession) -> int:
    """How many threads a task may use, so that all tasks of a node together use its cores and no more."""
    return int(session.sparkContext.getConf().get("spark.task.cpus", "1"))
