"""Folder of a cluster: the one place that knows the paths in it."""

import logging
import shutil
from pathlib import Path

from pydantic import TypeAdapter

from local_aws.emr.state.records import ClusterRecord

logger = logging.getLogger(__name__)

_RECORD = TypeAdapter(ClusterRecord)


class ClusterFolder:
    """`<work>/<cluster>/`, where state and logs stay, and the scratch is deleted when the cluster ends.

    What steps read and print is nobody else's: no other user of the machine may enter the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_path, self.logs_path, self._scratch_path = path / "cluster.json", path / "logs", path / "scratch"
        self.spark_local_path = self._scratch_path / "spark"
        self.temporary_path = self._scratch_path / "tmp"
        self.warehouse_path = self._scratch_path / "warehouse"

    def command_path(self, name: str) -> Path:
        """Return the working directory of one step or bootstrap action."""
        return self._scratch_path / "commands" / name

    def conf_path(self, name: str) -> Path:
        """Return the SPARK_CONF_DIR and HADOOP_CONF_DIR of one step or bootstrap action."""
        return self._scratch_path / "conf" / name

    def make(self) -> None:
        self._make_private()
        for path in (self.logs_path, self.spark_local_path, self.temporary_path):
            path.mkdir(parents=True, exist_ok=True)

    def _make_private(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def remove_scratch(self) -> None:
        # A process that is being killed may still write there. What it leaves only takes disk space.
        shutil.rmtree(self._scratch_path, ignore_errors=True)

    def save(self, record: ClusterRecord) -> None:
        """Write the record. The caller holds the cluster's lock. A full disk costs only what a restart would know."""
        unfinished = self.state_path.with_suffix(".unfinished")
        try:
            self._make_private()
            unfinished.write_bytes(_RECORD.dump_json(record, indent=1))
            unfinished.replace(self.state_path)
        except OSError as error:
            logger.error("the state of the cluster could not be written to %s: %s", self.state_path, error)

    def load(self) -> ClusterRecord:
        """Read the record, and raise ValueError when another version wrote it or a crash damaged it."""
        self._make_private()
        record = _RECORD.validate_json(self.state_path.read_bytes())
        if record.id != self.path.name:
            raise ValueError(f"it is the record of {record.id!r}")
        return record
