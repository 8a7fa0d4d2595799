"""The API's operations on steps."""

from __future__ import annotations

from moto.emr.exceptions import InvalidRequestException

from local_aws.emr.api.descriptions import step_description
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.records import JsonObject

MAX_STEP_IDS = 10
"""The limit of ListSteps for steps that are named by their identifiers."""


def add_job_flow_steps(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    role = {"ExecutionRoleArn": request["ExecutionRoleArn"]} if "ExecutionRoleArn" in request else {}
    configs = [{**step, **role} for step in request["Steps"]]
    return {"StepIds": backend.job_flow(request["JobFlowId"]).add_steps(configs)}


def cancel_steps(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    kill = request.get("StepCancellationOption", "SEND_INTERRUPT") == "TERMINATE_PROCESS"
    cluster = backend.cluster(request["ClusterId"])
    return {"CancelStepsInfoList": cluster.cancel_steps(request["StepIds"], kill)}


def describe_step(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.cluster(request["ClusterId"])
    with cluster.changed:
        return {"Step": step_description(cluster.step(request["StepId"]), cluster.record.settings.get("LogUri"))}


def list_steps(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    """List steps, the newest first."""
    cluster = backend.cluster(request["ClusterId"])
    step_ids, states = request.get("StepIds", []), request.get("StepStates", [])
    if len(step_ids) > MAX_STEP_IDS:
        raise InvalidRequestException(f"At most {MAX_STEP_IDS} step ids can be asked for, not {len(step_ids)}.")
    with cluster.changed:
        steps = [cluster.step(step_id) for step_id in step_ids] or cluster.record.steps
        # Steps of one request have one time: the order in which they were added decides.
        newest_first = [step for step in reversed(cluster.record.steps) if step in steps]
        log_uri = cluster.record.settings.get("LogUri")
        found = [step_description(step, log_uri) for step in newest_first if not states or step.state in states]
    return {"Steps": found}
