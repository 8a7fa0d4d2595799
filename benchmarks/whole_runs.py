"""Whole runs of the DAG by `make run`, and how much of each is not its steps: what Airflow and the endpoint add."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.materials import forget_vectors, make_weights
from run_contract.stages import STAGES
from tools.local.endpoint import endpoint_client, wait_for_endpoint
from tools.local.home import BUCKET, REPOSITORY, LocalHome, local_environment
from tools.local.services import down, services_in_use, up

BY_ITSELF = "make run"
BY_SERVICES = "make run, of the Airflow that make up started"
DISCOVERY_LIMIT_S = 120


def measure(home: LocalHome, photos: str, rounds: int) -> Iterator[dict[str, Any]]:
    """`seconds` from the DAG run's start to its end by Airflow's clock, `steps_s` of these in the steps by EMR's."""
    for number in range(1, rounds + 1):
        yield {"variant": BY_ITSELF, "round": number, **_added(home, photos)}
    with _services(home):
        for number in range(1, rounds + 1):
            yield {"variant": BY_SERVICES, "round": number, **_added(home, photos)}


def _added(home: LocalHome, photos: str) -> dict[str, float]:
    run = run_once(home, photos, make_weights(home, "mobilenet_v2"))
    steps_s = sum(run[stage.name] for stage in STAGES)
    figures = {"seconds": run["run_s"], "steps_s": steps_s, "added_s": run["run_s"] - steps_s}
    return {name: round(figure, 2) for name, figure in figures.items()} | {"command_s": run["command_s"]}


def run_once(home: LocalHome, photos: str, weights: Path, *options: str) -> dict[str, float]:
    """Return seconds of a run in which nothing is known: until published, of the DAG run, its command and each step."""
    command = [str(home.airflow_python), "-m", "tools.run.run_pipeline", f"--source=s3://{BUCKET}/landing/{photos}"]
    command += [f"--weights={weights}", "--force=1", *options]
    forget_vectors(home)
    began = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, env=_environment(home), check=True, stdout=subprocess.DEVNULL)
    return {"command_s": round(time.monotonic() - began, 2), **_dag_run_s(home), **dict(_steps_s(home))}


def _dag_run_s(home: LocalHome) -> dict[str, float]:
    """Of the DAG run that began last: until `publish` was done, and in all."""
    with sqlite3.connect(home.airflow_path / "airflow.db") as database:
        query = """SELECT run.start_date, task.end_date, run.end_date FROM dag_run AS run JOIN task_instance AS task
            ON task.dag_id = run.dag_id AND task.run_id = run.run_id AND task.task_id = 'publish'
            WHERE run.dag_id = 'fruit_features' ORDER BY run.id DESC LIMIT 1"""
        start, published, end = (datetime.fromisoformat(moment) for moment in database.execute(query).fetchone())
    return {"seconds": (published - start).total_seconds(), "run_s": (end - start).total_seconds()}


def _steps_s(home: LocalHome) -> Iterator[tuple[str, float]]:
    """Of the cluster that was made last, by the stage: the endpoint knows it after its own end."""
    with services_in_use(home, with_airflow=False):
        wait_for_endpoint(home)
        emr = endpoint_client(home, "emr")
        newest = max(emr.list_clusters()["Clusters"], key=lambda one: one["Status"]["Timeline"]["CreationDateTime"])
        for step in emr.list_steps(ClusterId=newest["Id"])["Steps"]:
            timeline = step["Status"]["Timeline"]
            yield step["Name"].split()[0], (timeline["EndDateTime"] - timeline["StartDateTime"]).total_seconds()


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
