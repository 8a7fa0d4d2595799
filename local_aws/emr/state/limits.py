"""Limits of EMR. Each check raises the error that EMR answers. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moto.emr.exceptions import ValidationException

MAX_STEPS = 256
MAX_STEP_CONCURRENCY = 256
IDLE_TIMEOUT_S = range(60, 604_801)
"""The seconds that EMR accepts: a minute to a week."""
DEFAULT_IDLE_TIMEOUT_S = 3600

_RELEASE_LABEL = re.compile(r"emr-(spark-)?\d+\.\d+\.\d+")
_LOG_URI = re.compile(r"s3[an]?://[^/]+.*")


def check_job_flow(request: Mapping[str, Any]) -> None:
    """Check all of RunJobFlow but its instances."""
    if not request.get("ServiceRole"):
        raise ValidationException("ServiceRole is required for creating cluster.")
    if not request.get("JobFlowRole"):
        raise ValidationException("InstanceProfile is required for creating cluster.")
    label = request.get("ReleaseLabel")
    if label is not None and not _RELEASE_LABEL.fullmatch(label):
        raise ValidationException(f"The supplied release label is invalid: {label}.")
    log_uri = request.get("LogUri")
    if log_uri and not _LOG_URI.fullmatch(log_uri):
        raise ValidationException(f"The log URI {log_uri} is not an S3 URI.")
    concurrency = request.get("StepConcurrencyLevel", 1)
    if not 1 <= concurrency <= MAX_STEP_CONCURRENCY:
        raise ValidationException(
            f"StepConcurrencyLevel must be between 1 and {MAX_STEP_CONCURRENCY}, not {concurrency}."
        )
    check_steps(request.get("Steps", []), active=0, concurrency=concurrency)
    if policy := request.get("AutoTerminationPolicy"):
        check_auto_termination(policy)
    if scaling := request.get("ManagedScalingPolicy"):
        check_managed_scaling(scaling)


def check_steps(steps: Sequence[Mapping[str, Any]], active: int, concurrency: int) -> None:
    if active + len(steps) > MAX_STEPS:
        raise ValidationException(
            f"Maximum number of active steps(State = 'Running', 'Pending') for cluster is {MAX_STEPS}."
        )
    for step in steps:
        action = step.get("ActionOnFailure", "TERMINATE_CLUSTER")
        if concurrency > 1 and action != "CONTINUE":
            raise ValidationException(
                f"ActionOnFailure {action} of step '{step['Name']}' is not valid: with a StepConcurrencyLevel of "
                f"{concurrency} it must be CONTINUE."
            )


def check_auto_termination(policy: dict[str, Any]) -> None:
    """Check the policy, and write EMR's default into one that names no time."""
    timeout = policy.setdefault("IdleTimeout", DEFAULT_IDLE_TIMEOUT_S)
    if timeout not in IDLE_TIMEOUT_S:
        raise ValidationException(
            f"IdleTimeout must be between {IDLE_TIMEOUT_S.start} and {IDLE_TIMEOUT_S.stop - 1} seconds, not {timeout}."
        )


def check_managed_scaling(policy: Mapping[str, Any]) -> None:
    limits = policy.get("ComputeLimits")
    if limits is None:
        raise ValidationException("A managed scaling policy needs ComputeLimits.")
    minimum, maximum = limits["MinimumCapacityUnits"], limits["MaximumCapacityUnits"]
    if not 1 <= minimum <= maximum:
        raise ValidationException(
            f"MinimumCapacityUnits must be between 1 and MaximumCapacityUnits ({maximum}), not {minimum}."
        )
