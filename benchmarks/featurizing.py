"""The ways to featurize that are measured against one another, each as an EMR step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.cluster import command_step
from benchmarks.materials import JOBS_PATH, layout, make_weights, photos_path
from emr_pipeline.run.stages import STAGES, step
from run_contract.params import PARAMS
from tools.local.home import BUCKET, REPOSITORY, LocalHome

CLASSROOM = "classroom"
BATCH_UDF = "predict_batch_udf"
OURS = "featurize_images"
SPEED_OF_LIGHT = "plain processes"
KEPT = "network kept"
"""By an earlier run, as exported_networks does; all other variants load their network from its weights."""


@dataclass(frozen=True)
class FeaturizeCase:
    """One backbone over the photographs of one folder of landing/."""

    home: LocalHome
    backbone: str
    photos: str
    code_uri: str

    def steps(self, precisions: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """By the name under which each is reported."""
        steps: dict[str, Mapping[str, Any]] = {
            CLASSROOM: self._spark_job("classroom.py"),
            BATCH_UDF: self._spark_job("batch_udf.py"),
        }
        for precision in precisions:
            steps[f"{OURS}, {precision}"] = self.stage_step("featurize_images", precision)
            steps[f"{OURS}, {precision}, {KEPT}"] = steps[f"{OURS}, {precision}"]
            steps[f"{SPEED_OF_LIGHT}, {precision}"] = self._plain_processes(precision)
        return steps

    def stage_step(self, stage: str, precision: str = "float32") -> dict[str, Any]:
        """Word by word what the DAG submits."""
        defaults = {param.name: param.default for param in PARAMS}
        params = defaults | {
            "source_uri": f"s3://{BUCKET}/landing/{self.photos}",
            "backbone": self.backbone,
            "weights": f"s3://{BUCKET}/models/{make_weights(self.home, self.backbone).name}",
            "precision": precision,
        }
        chosen = next(one for one in STAGES if one.name == stage)
        return step(chosen, layout(self.photos), params, self.code_uri)

    def _spark_job(self, job: str) -> dict[str, Any]:
        photos, features = f"s3://{BUCKET}/landing/{self.photos}", f"s3://{BUCKET}/scratch/{job}"
        weights = str(make_weights(self.home, self.backbone))
        words = ["spark-submit", str(JOBS_PATH / job), "--photos", photos, "--features", features]
        return command_step(job, [*words, "--backbone", self.backbone, "--weights", weights])

    def _plain_processes(self, precision: str) -> dict[str, Any]:
        job = "speed_of_light.py"
        words = ["env", f"PYTHONPATH={REPOSITORY / 'spark_jobs'}:{REPOSITORY}", "python", str(JOBS_PATH / job)]
        words += ["--photos", str(photos_path(self.home, self.photos)), "--precision", precision]
        words += ["--features", str(self.home.bucket_path / "scratch" / job), "--backbone", self.backbone]
        return command_step(job, [*words, "--weights", str(make_weights(self.home, self.backbone))])
