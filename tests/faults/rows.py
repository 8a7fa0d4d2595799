"""Every fault of the table, by what it breaks."""

from tests.faults.rows_airflow import AIRFLOW_FAULTS
from tests.faults.rows_aws import AWS_FAULTS
from tests.faults.rows_cluster import CLUSTER_FAULTS
from tests.faults.rows_hard import HARD_FAULTS
from tests.faults.rows_orphan import ORPHAN_FAULTS
from tests.faults.rows_rollback import ROLLBACK_FAULTS
from tests.faults.rows_spark import SPARK_FAULTS
from tests.faults.rows_step import STEP_FAULTS

GROUPS = {
    "The cluster": CLUSTER_FAULTS,
    "A stage's step": STEP_FAULTS,
    "Spark and its files": SPARK_FAULTS,
    "AWS": AWS_FAULTS,
    "Nodes and S3 as hard as AWS": HARD_FAULTS,
    "Airflow, and who uses it": AIRFLOW_FAULTS,
    "Going back": ROLLBACK_FAULTS,
    "Airflow is gone for good": ORPHAN_FAULTS,
}
FAULTS = tuple(fault for group in GROUPS.values() for fault in group)
