"""The cancelling of a step whose task was ended."""

import logging
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.s3.objects import error_code

logger = logging.getLogger(__name__)


def cancel_request(cluster_id: str, step_id: str) -> dict[str, Any]:
    """Return the request for CancelSteps that ends a step's process at once."""
    return {"ClusterId": cluster_id, "StepIds": [step_id], "StepCancellationOption": "TERMINATE_PROCESS"}


def is_gone(error: ClientError) -> bool:
    """Return whether EMR's answer means that the cluster takes no more requests, so that its steps are over."""
    return error_code(error) in ("InvalidRequestException", "ValidationException")


def cancel_step(emr: Any, cluster_id: str, step_id: str) -> None:
    """Cancel a step; one that is over, or whose cluster is gone, needs no cancelling."""
    try:
        response = emr.cancel_steps(**cancel_request(cluster_id, step_id))
    except ClientError as error:
        if not is_gone(error):
            raise
        logger.info("Step %s is over with its cluster %s: %s", step_id, cluster_id, error)
        return
    for step in response.get("CancelStepsInfoList", []):
        logger.info("Cancelling step %s: %s %s", step["StepId"], step["Status"], step.get("Reason", ""))
