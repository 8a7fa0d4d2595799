"""
# fruit_features_reaper: no cluster outlives its run

**end_orphaned_clusters** looks for live clusters that a run of `fruit_features` made in this deployment's bucket and
whose run is over: finished, or deleted. A cluster that is still there after a grace time is terminated; the task's log
says which one, and which run made it. A cluster of a run that goes on is never touched.

`fruit_features` ends its clusters by itself. This DAG is for the case that Airflow dies during a run. If this DAG does
not run either, EMR ends a cluster that has been idle for `FRUIT_FEATURES_KEEP_ALIVE_S`.

**When it is red.** A cluster is protected from termination; the log says which, and how to end it.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from emr_pipeline.operators.end_orphaned_clusters import EndOrphanedClustersOperator
from emr_pipeline.settings import Settings
from emr_pipeline.task.messages import task_defaults

SETTINGS = Settings.from_environment()

with DAG(
    dag_id="fruit_features_reaper",
    doc_md=__doc__,
    schedule=timedelta(seconds=SETTINGS.reaper_every_s),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=task_defaults(SETTINGS, repeats=True),
    tags=["emr"],
) as dag:
    EndOrphanedClustersOperator(task_id="end_orphaned_clusters", settings=SETTINGS)
