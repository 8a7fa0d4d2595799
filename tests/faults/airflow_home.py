"""An Airflow of one row's own: its database, its logs, and the environment its processes get."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tools.local.home import LocalHome, local_environment

REPOSITORY = Path(__file__).resolve().parents[2]
# The interpreter of the Airflow under test; the endpoint always runs in the environment of the tests.
PYTHON_VARIABLE = "FAULTS_AIRFLOW_PYTHON"
IS_FLOOR = PYTHON_VARIABLE in os.environ
# Quick, so that a fault takes seconds: what is waited for is the same.
QUICK_SETTINGS = {
    "FRUIT_FEATURES_POLL_S": "1",
    "FRUIT_FEATURES_LOG_WAIT_S": "5",
    "FRUIT_FEATURES_REAPER_GRACE_S": "2",
    "FRUIT_FEATURES_STAGE_TIME_LIMIT_S": "300",
    "FRUIT_FEATURES_CLUSTER_TIME_LIMIT_S": "180",
}


class FaultHome:
    def __init__(self, folder: Path, python: Path, airflow_port: int = 8080) -> None:
        self.folder, self.python, self.airflow_port = folder, python, airflow_port

    @classmethod
    def migrated(cls, folder: Path, python: Path) -> "FaultHome":
        """With an empty database, made once and copied for each row."""
        home = cls(folder, python)
        home.folder.mkdir(parents=True)
        home.command("db", "migrate")
        return home

    def command(self, *words: str) -> None:
        """One of Airflow's own command line."""
        with (self.folder / "commands.log").open("ab") as log:
            subprocess.run(
                [str(self.python), "-m", "airflow", *words],
                env=self.environment("none", "http://127.0.0.1:9", {}),
                stdout=log,
                stderr=log,
                check=True,
            )

    def copy(self, folder: Path, airflow_port: int = 8080) -> "FaultHome":
        (folder / "airflow").mkdir(parents=True)
        shutil.copy(self.folder / "airflow" / "airflow.db", folder / "airflow" / "airflow.db")
        return FaultHome(folder, self.python, airflow_port)

    def environment(self, bucket: str, aws_url: str, settings: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "FRUIT_"))}
        environment = local_environment(LocalHome(self.folder, airflow_port=self.airflow_port), kept)
        return environment | QUICK_SETTINGS | {
            # The key of the tests' endpoint.
            "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
            "AWS_ENDPOINT_URL": aws_url,
            "FRUIT_FEATURES_BUCKET": bucket,
            "FRUIT_FEATURES_SOURCE_URI": f"s3://{bucket}/landing",
            "FRUIT_FEATURES_CODE_URI": f"s3://{bucket}/code",
            "FRUIT_FEATURES_NODE_VENV": "/stand-in",
        } | settings  # fmt: skip

    def start(
        self, dag_id: str, conf: dict[str, Any], bucket: str, aws_url: str, settings: dict[str, str], run: str
    ) -> subprocess.Popen[bytes]:
        self.result_path(dag_id, run).unlink(missing_ok=True)
        program = Path(__file__).with_name("run_dag.py")
        with self.log_path(dag_id, run).open("wb") as log:
            return subprocess.Popen(
                [str(self.python), str(program), dag_id, json.dumps(conf), str(self.result_path(dag_id, run))],
                env=self.environment(bucket, aws_url, settings),
                stdout=log,
                stderr=log,
            )

    def result_path(self, dag_id: str, run: str) -> Path:
        return self.folder / f"{dag_id}-{run}.json"

    def log_path(self, dag_id: str, run: str) -> Path:
        return self.folder / f"{dag_id}-{run}.log"

    def log_text(self, dag_id: str, run: str) -> str:
        return self.log_path(dag_id, run).read_text(encoding="utf-8", errors="replace")
