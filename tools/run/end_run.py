"""Ends what a killed `make run` left behind: its cluster is terminated, its DAG run marked failed.

python -m tools.run.end_run DAG_ID RUN
"""

import logging
import sys
import time
from typing import TYPE_CHECKING

import boto3
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import select

from emr_pipeline.emr.job_flow import cluster_name
from emr_pipeline.run.layout import RunLayout
from tools.local.home import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_emr.literals import ClusterStateType

logger = logging.getLogger("tools.run.end_run")

LIVE_CLUSTER_STATES: "list[ClusterStateType]" = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
PATIENCE_S = 60


def terminate_clusters(name: str) -> None:
    """Terminate the live clusters of that name, and wait until they are gone."""
    emr = boto3.client("emr")
    pages = emr.get_paginator("list_clusters").paginate(ClusterStates=LIVE_CLUSTER_STATES)
    ids = [cluster["Id"] for page in pages for cluster in page["Clusters"] if cluster["Name"] == name]
    if not ids:
        return
    emr.terminate_job_flows(JobFlowIds=ids)
    deadline = time.monotonic() + PATIENCE_S
    for cluster_id in ids:
        while not _is_gone(emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"]):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"cluster {cluster_id} ({name}) is not gone after {PATIENCE_S} s; look at it: make down"
                )
            time.sleep(0.5)
        logger.info("cluster %s terminated", cluster_id)


def _is_gone(state: str) -> bool:
    return state in ("TERMINATED", "TERMINATED_WITH_ERRORS")


def fail_dag_run(dag_id: str, run: str) -> None:
    """Mark the run of that name failed, so that no scheduler takes it up."""
    with create_session() as session:
        running = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.state == DagRunState.RUNNING))
        for dag_run in running.all():
            if (dag_run.conf or {}).get("run") != run:
                continue
            for instance in dag_run.get_task_instances(session=session):
                if instance.state == TaskInstanceState.RUNNING:
                    instance.state = TaskInstanceState.FAILED
                elif instance.state not in State.finished:
                    instance.state = TaskInstanceState.SKIPPED
            dag_run.set_state(DagRunState.FAILED)
            logger.info("DAG run %s marked failed", dag_run.run_id)


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logger.setLevel(logging.INFO)
    dag_id, run = arguments
    terminate_clusters(cluster_name(RunLayout(BUCKET, run)))
    fail_dag_run(dag_id, run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
