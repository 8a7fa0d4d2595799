"""Whole runs of the DAG by `make run`, and how much of each is not its steps: what Airflow and the endpoint add."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from benchmarks.cluster import BenchCluster
from benchmarks.materials import forget_vectors, make_weights
from tools.local.home import BUCKET, REPOSITORY, LocalHome, local_environment
from tools.local.services import down, up

BY_ITSELF = "make run"
BY_SERVICES = "make run, of the Airflow that make up started"
DISCOVERY_LIMIT_S = 120


def measure(cluster: BenchCluster, photos: str, rounds: int) -> Iterator[dict[str, Any]]:
    """`seconds` from the DAG run's start to its end by Airflow's clock, `steps_s` of these in the steps by EMR's."""
    for number in range(1, rounds + 1):
        yield {"variant": BY_ITSELF, "round": number, **_one(cluster, photos)}
    with _services(cluster.home):
        for number in range(1, rounds + 1):
            yield {"variant": BY_SERVICES, "round": number, **_one(cluster, photos)}


def _one(cluster: BenchCluster, photos: str) -> dict[str, float]:
    home = cluster.home
    command = [str(home.airflow_python), "-m", "tools.run.run_pipeline", f"--source=s3://{BUCKET}/landing/{photos}"]
    command += [f"--weights={make_weights(home, 'mobilenet_v2')}", "--force=1"]
    forget_vectors(home)
    began = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, env=_environment(home), check=True, stdout=subprocess.DEVNULL)
    command_s = time.monotonic() - began
    run_s, steps_s = _dag_run_s(home), sum(_steps_s(cluster))
    return {
        "seconds": round(run_s, 2),
        "steps_s": round(steps_s, 2),
        "added_s": round(run_s - steps_s, 2),
        "command_s": round(command_s, 2),
    }


def _dag_run_s(home: LocalHome) -> float:
    """Of the DAG run that began last."""
    with sqlite3.connect(home.airflow_path / "airflow.db") as database:
        query = "SELECT start_date, end_date FROM dag_run WHERE dag_id = 'fruit_features' ORDER BY id DESC LIMIT 1"
        start, end = (datetime.fromisoformat(moment) for moment in database.execute(query).fetchone())
    return (end - start).total_seconds()


def _steps_s(cluster: BenchCluster) -> Iterator[float]:
    """Of the cluster that was made last."""
    newest = max(cluster.emr.list_clusters()["Clusters"], key=lambda one: one["Status"]["Timeline"]["CreationDateTime"])
    for step in cluster.emr.list_steps(ClusterId=newest["Id"])["Steps"]:
        timeline = step["Status"]["Timeline"]
        yield (timeline["EndDateTime"] - timeline["StartDateTime"]).total_seconds()


@contextmanager
def _services(home: LocalHome) -> Iterator[None]:
    up(home)
    try:
        _wait_for_dag(home)
        yield
    finally:
        down(home)


def _wait_for_dag(home: LocalHome) -> None:
    """Wait until a fresh Airflow has parsed its DAGs."""
    deadline = time.monotonic() + DISCOVERY_LIMIT_S
    while time.monotonic() < deadline:
        with sqlite3.connect(home.airflow_path / "airflow.db") as database:
            if database.execute("SELECT 1 FROM dag WHERE dag_id = 'fruit_features'").fetchone():
                return
        time.sleep(1)
    raise SystemExit(f"Airflow did not find the DAG within {DISCOVERY_LIMIT_S} s; its logs: {home.logs_path}")


def _environment(home: LocalHome) -> dict[str, str]:
    ports = {"LOCAL_AWS_PORT": str(home.aws_port), "AIRFLOW_PORT": str(home.airflow_port)}
    return {**local_environment(home), "LOCAL_HOME": str(home.root), **ports}
