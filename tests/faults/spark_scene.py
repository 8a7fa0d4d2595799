"""The world of a fault that needs Spark: the stages' own code in a real Spark environment, on a handful of pictures."""

import json
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.processes import children_of, command_of
from tests.faults.scene import Scene
from tools.data.demo_photos import make_demo_photos
from tools.local.home import LocalHome


@dataclass
class SparkScene(Scene):
    pictures: int = 6
    """How many photographs of the demo set land."""

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
            for photo in sorted(photos.glob("T*/*/*_100.jpg"))[: self.pictures]:
                # Past S3: the row's own requests are not to be what S3 throttles.
                landed = self.endpoint.folder / "s3" / self.bucket / "landing" / photo.relative_to(photos)
                landed.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(photo, landed)

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

    def kill_step_at(self, packs: int) -> None:
        """SIGKILL to all of the step that runs, once so many packs of images have their vectors in the store."""
        prefix = "feature_store/vectors/"

        def has_come_so_far() -> bool:
            listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
            return sum(entry["Key"].endswith(".parquet") for entry in listed) >= packs

        self.wait_for(f"the vectors of {packs} packs", has_come_so_far, limit_s=200, every_s=0.05)
        for pid in _descendants(self.endpoint.pid):
            os.kill(pid, signal.SIGKILL)

    def vectors_of(self, run: str) -> dict[str, int]:
        """What `featurize_images` says of where its vectors came from."""
        key = f"runs/{run}/stats/featurize_images.json"
        stats = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        vectors: dict[str, int] = stats["details"]["vectors"]
        return vectors

    def _python_workers(self) -> list[int]:
        """Forked by Spark's daemon, one for each task."""
        daemons = [pid for pid in _descendants(self.endpoint.pid) if "pyspark.daemon" in command_of(pid)]
        return [pid for daemon in daemons for pid in children_of(daemon)]


def _descendants(pid: int) -> list[int]:
    children = children_of(pid)
    return children + [later for child in children for later in _descendants(child)]
