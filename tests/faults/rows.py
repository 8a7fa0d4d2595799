"""Every fault of the table."""

from tests.faults.rows_aws import AWS_FAULTS
from tests.faults.rows_cluster import CLUSTER_FAULTS
from tests.faults.rows_step import STEP_FAULTS

FAULTS = (*CLUSTER_FAULTS, *STEP_FAULTS, *AWS_FAULTS)
