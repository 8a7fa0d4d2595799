"""The operations of the EMR API that this endpoint offers, by name."""

from __future__ import annotations

from collections.abc import Callable

from local_aws.emr.api import cluster_operations, instance_operations, policy_operations, step_operations
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.records import JsonObject

Operation = Callable[[LocalEmrBackend, JsonObject], JsonObject]

OPERATIONS: dict[str, Operation] = {
    **cluster_operations.OPERATIONS,
    **step_operations.OPERATIONS,
    **instance_operations.OPERATIONS,
    **policy_operations.OPERATIONS,
}
"""Each takes a request whose shape has been checked, and returns the answer's members."""
