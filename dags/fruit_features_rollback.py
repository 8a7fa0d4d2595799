"""
# fruit_features_rollback: take readers back to an earlier snapshot

**roll_back** points `published/latest.json` at an earlier snapshot that still has its files. *Trigger* asks for the
snapshot and for a reason; the snapshot's document then says under `rollbacks` who went back, when, why, and from
where. Nothing is computed, and no file of a run is touched.

**What comes after it.** A run of `fruit_features` that goes on meanwhile does not publish, for it would undo this. The
next run is compared with the snapshot that readers see now. Photographs from whose snapshot readers were taken back
start no run by themselves; changed ones do.

**To go forward again**, trigger this DAG with the newer snapshot, as long as it is kept.

**When it is red.** The last line of the log says what, where and what to do. What readers see has not changed.
"""

from airflow.sdk import DAG

from emr_pipeline.operators.roll_back import RollBackOperator
from emr_pipeline.settings import Settings
from emr_pipeline.task.messages import task_defaults
from emr_pipeline.task.rollback_form import rollback_params

SETTINGS = Settings.from_environment()

with DAG(
    dag_id="fruit_features_rollback",
    doc_md=__doc__,
    schedule=None,
    params=rollback_params(),
    default_args=task_defaults(SETTINGS),
    tags=["emr", "images"],
) as dag:
    RollBackOperator(task_id="roll_back", settings=SETTINGS)
