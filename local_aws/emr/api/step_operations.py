"""The API's operations on steps."""

from local_aws.emr.api.descriptions import step_description
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.records import JsonObject


def add_job_flow_steps(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return {"StepIds": backend.job_flow(request["JobFlowId"]).add_steps(request["Steps"])}


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
    step_ids, states = request.get("StepIds"), request.get("StepStates")
    log_uri = cluster.record.settings.get("LogUri")
    with cluster.changed:
        asked = [cluster.step(step_id) for step_id in step_ids or []]
        # Steps of one request have one time: the order in which they were added decides.
        steps = [
            step_description(step, log_uri)
            for step in reversed(cluster.record.steps)
            if (not asked or step in asked) and (not states or step.state in states)
        ]
    return {"Steps": steps}
