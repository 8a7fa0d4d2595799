"""Airflow's database of one machine: made or migrated when Airflow's version is not the one that migrated it last."""

import importlib.metadata
import subprocess

from tools.errors import ToolError
from tools.local.home import LocalHome, local_environment
from tools.local.processes import tail


def migrate_database(home: LocalHome) -> None:
    """Run `airflow db migrate`, once for each version of Airflow; one process at a time calls it."""
    home.logs_path.mkdir(parents=True, exist_ok=True)
    version = importlib.metadata.version("apache-airflow")
    migrated_path, log_path = home.airflow_path / "migrated-by", home.logs_path / "airflow-db-migrate.log"
    if migrated_path.exists() and migrated_path.read_text(encoding="utf-8") == version:
        return
    with log_path.open("w") as log:
        done = subprocess.run(
            [str(home.airflow_python), "-m", "airflow", "db", "migrate"],
            env=local_environment(home),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise ToolError(
            f"airflow db migrate failed; remove {home.airflow_path} to start with an empty database; "
            f"its log is {log_path}, and ends with:\n{tail(log_path)}"
        )
    migrated_path.write_text(version, encoding="utf-8")
