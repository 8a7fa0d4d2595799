"""The world of a fault that needs Spark: the stages' own code in a real Spark environment, on a handful of pictures."""

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from tests.faults.processes import children_of, command_of
from tests.faults.scene import Scene
from tools.demo_photos import make_demo_photos
from tools.local_env import LocalHome

PICTURES = 6


class SparkScene(Scene):
    def stage(self) -> None:
        # The DAG uploads the code that lies in this repository, and the nodes have the environment of `make setup`.
        self.settings |= {
            "FRUIT_FEATURES_CODE_URI": "",
            "FRUIT_FEATURES_NODE_VENV": str(LocalHome.from_environment().spark_env_path),
        }
        super().stage()
        self.s3.delete_object(Bucket=self.bucket, Key="landing/apple/1.jpg")
        with tempfile.TemporaryDirectory() as folder:
            photos = make_demo_photos(Path(folder) / "demo")
            for photo in sorted((photos / "Training").glob("*/00*.jpg"))[:PICTURES]:
                self.s3.upload_file(str(photo), self.bucket, f"landing/Training/{photo.parent.name}/{photo.name}")

    def conf(self, run: str) -> dict[str, Any]:
        return super().conf(run) | {"pca_components": 2}

    def wait_for_stats(self, stage: str) -> None:
        """Until a stage is complete."""
        uri = f"s3://{self.bucket}/runs/{self.run}/stats/{stage}.json"
        self.wait_for(f"the statistics of {stage}", lambda: self.has_object(uri), limit_s=200)

    def keys_of(self, dataset: str) -> list[str]:
        """The Parquet files of a dataset of the run."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"runs/{self.run}/{dataset}/")["Contents"]
        return [entry["Key"] for entry in listed if entry["Key"].endswith(".parquet")]

    def kill_python_worker(self) -> None:
        """SIGKILL to a process that computes for Spark, as the kernel does when a node's memory is at its end."""
        (pid, *_) = self.wait_for("a Python worker", self._python_workers, limit_s=200)
        os.kill(pid, signal.SIGKILL)

    def _python_workers(self) -> list[int]:
        """Forked by Spark's daemon, one for each task."""
        daemons = [pid for pid in _descendants(self.endpoint.pid) if "pyspark.daemon" in command_of(pid)]
        return [pid for daemon in daemons for pid in children_of(daemon)]


def _descendants(pid: int) -> list[int]:
    children = children_of(pid)
    return children + [later for child in children for later in _descendants(child)]
