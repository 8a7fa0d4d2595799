"""The cancelling of a step whose task was ended."""

import logging
from typing import Any

from botocore.exceptions import ClientError

from emr_pipeline.s3.objects import error_code

logger = logging.getLogger(__name__)


def cancel_step(emr: Any, cluster_id: str, step_id: str) -> None:
    """End a step's process at once; a step that is over, or whose cluster is gone, needs no cancelling."""
    request = {"ClusterId": cluster_id, "StepIds": [step_id], "StepCancellationOption": "TERMINATE_PROCESS"}
    try:
        response = emr.cancel_steps(**request)
    except ClientError as error:
        # The cluster takes no more requests, so its steps are over.
        if error_code(error) not in ("InvalidRequestException", "ValidationException"):
            raise
        logger.info("Step %s is over with its cluster %s: %s", step_id, cluster_id, error)
        return
    for step in response.get("CancelStepsInfoList", []):
        logger.info("Cancelling step %s: %s %s", step["StepId"], step["Status"], step.get("Reason", ""))
