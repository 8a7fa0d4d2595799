"""Folder of a cluster: the one place that knows the paths in it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ClusterFolder:
    """`<work_root>/<cluster>/`, where state and logs stay, and the scratch is deleted when the cluster ends."""

    path: Path

    @property
    def state_path(self) -> Path:
        return self.path / "cluster.json"

    @property
    def logs_path(self) -> Path:
        return self.path / "logs"

    @property
    def scratch_path(self) -> Path:
        return self.path / "scratch"

    @property
    def spark_local_path(self) -> Path:
        return self.scratch_path / "spark"

    @property
    def temporary_path(self) -> Path:
        return self.scratch_path / "tmp"

    @property
    def warehouse_path(self) -> Path:
        return self.scratch_path / "warehouse"

    def command_path(self, name: str) -> Path:
        """Return the working directory of one step or bootstrap action."""
        return self.scratch_path / "commands" / name

    def conf_path(self, name: str) -> Path:
        """Return the SPARK_CONF_DIR and HADOOP_CONF_DIR of one step or bootstrap action."""
        return self.scratch_path / "conf" / name

    def make(self) -> None:
        for path in (self.logs_path, self.spark_local_path, self.temporary_path):
            path.mkdir(parents=True, exist_ok=True)

    def remove_scratch(self) -> None:
        # A process that is being killed may still write there. What it leaves only takes disk space.
        shutil.rmtree(self.scratch_path, ignore_errors=True)
