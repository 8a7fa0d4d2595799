"""The tasks of the DAG that check, stage, make, feed and end; one module each."""

from emr_pipeline.operators.add_stage_step import AddStageStepOperator
from emr_pipeline.operators.check_run import CheckRunOperator
from emr_pipeline.operators.create_cluster import CreateClusterOperator
from emr_pipeline.operators.end_orphaned_clusters import EndOrphanedClustersOperator
from emr_pipeline.operators.remove_old_runs import RemoveOldRunsOperator
from emr_pipeline.operators.stage_code import StageCodeOperator
from emr_pipeline.operators.terminate_cluster import TerminateClusterOperator

__all__ = [
    "AddStageStepOperator",
    "CheckRunOperator",
    "CreateClusterOperator",
    "EndOrphanedClustersOperator",
    "RemoveOldRunsOperator",
    "StageCodeOperator",
    "TerminateClusterOperator",
]
