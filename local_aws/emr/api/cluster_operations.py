"""The API's operations on clusters. A policy for auto-termination works, one for managed scaling is only kept."""

from collections.abc import Callable

from botocore.utils import parse_to_aware_datetime
from moto.emr.exceptions import ValidationException

from local_aws.emr.api.descriptions import cluster_description
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state import limits
from local_aws.emr.state.instances import instance_collections
from local_aws.emr.state.records import ClusterRecord, JsonObject, StateChangeReason, StepRecord, make_id

_DEFAULTS: JsonObject = {
    "Applications": [],
    "BootstrapActions": [],
    "Configurations": [],
    "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
    "StepConcurrencyLevel": 1,
    "VisibleToAllUsers": True,
}
_INSTANCES_DEFAULTS: JsonObject = {
    "KeepJobFlowAliveWhenNoSteps": False,
    "TerminationProtected": False,
    "UnhealthyNodeReplacement": False,
}


def run_job_flow(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    limits.check_job_flow(request)
    record = ClusterRecord(
        id=make_id("j-"),
        account=backend.account_id,
        region=backend.region_name,
        settings={
            **_DEFAULTS,
            **request,
            "Instances": _INSTANCES_DEFAULTS | request["Instances"],
            "Tags": [{"Value": "", **tag} for tag in request.get("Tags", [])],
        },
        steps=[StepRecord(config) for config in request.get("Steps", [])],
        reason=StateChangeReason(message="Configuring cluster software"),
    )
    instance_collections(record)  # it refuses instances that EMR would not start
    backend.start(record)
    return {"JobFlowId": record.id, "ClusterArn": record.arn}


def describe_cluster(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.cluster(request["ClusterId"])
    with cluster.changed:
        return {"Cluster": cluster_description(cluster.record)}


def list_clusters(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    """List clusters, the newest first."""
    states, after, before = request.get("ClusterStates"), request.get("CreatedAfter"), request.get("CreatedBefore")
    records = [
        cluster.record
        for cluster in list(backend.clusters.values())
        if (not states or cluster.record.state in states)
        and (after is None or cluster.record.created_at > parse_to_aware_datetime(after).timestamp())
        and (before is None or cluster.record.created_at < parse_to_aware_datetime(before).timestamp())
    ]
    records.sort(key=lambda record: record.created_at, reverse=True)
    return {"Clusters": [cluster_description(record) for record in records]}


def list_bootstrap_actions(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    actions = [
        {"Name": action["Name"], "ScriptPath": script["Path"], "Args": script.get("Args", [])}
        for action in backend.cluster(request["ClusterId"]).record.settings["BootstrapActions"]
        for script in [action["ScriptBootstrapAction"]]
    ]
    return {"BootstrapActions": actions}


def terminate_job_flows(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    """End the clusters that are not protected, and refuse the request if one was."""
    clusters = [backend.job_flow(job_flow_id) for job_flow_id in request["JobFlowIds"]]
    protected = [c for c in clusters if c.record.is_protected and not c.record.is_ending]
    for cluster in clusters:
        if cluster not in protected:
            cluster.end("TERMINATED", "USER_REQUEST", "Terminated by user request")
    if protected:
        raise ValidationException("Could not shut down one or more job flows since they are termination protected.")
    return {}


def modify_cluster(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.cluster(request["ClusterId"])
    level = request.get("StepConcurrencyLevel")
    with cluster.change_living() as record:
        if level is not None:
            limits.check_step_concurrency(level)
            record.settings["StepConcurrencyLevel"] = level
        return {"StepConcurrencyLevel": record.step_concurrency}


def _setter(name: str) -> Callable[[LocalEmrBackend, JsonObject], JsonObject]:
    """Make the operation that changes a member of RunJobFlow, or of its Instances, for several clusters."""

    def set_member(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
        for cluster in [backend.job_flow(job_flow_id) for job_flow_id in request["JobFlowIds"]]:
            with cluster.change_living() as record:
                settings = record.settings if name in record.settings else record.settings["Instances"]
                settings[name] = request[name]
        return {}

    return set_member


set_keep_job_flow_alive_when_no_steps = _setter("KeepJobFlowAliveWhenNoSteps")
set_termination_protection = _setter("TerminationProtected")
set_unhealthy_node_replacement = _setter("UnhealthyNodeReplacement")
set_visible_to_all_users = _setter("VisibleToAllUsers")


def add_tags(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    added = [{"Value": "", **tag} for tag in request["Tags"]]
    return _replace_tags(backend, request, {tag["Key"] for tag in added}, added)


def remove_tags(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _replace_tags(backend, request, set(request["TagKeys"]), [])


def _replace_tags(backend: LocalEmrBackend, request: JsonObject, keys: set[str], tags: list[JsonObject]) -> JsonObject:
    cluster_id = request["ResourceId"].rpartition("/")[2]  # also the end of an ARN
    with backend.cluster(cluster_id).change() as record:
        record.settings["Tags"] = [tag for tag in record.settings["Tags"] if tag["Key"] not in keys] + tags
    return {}


def put_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = request.get("AutoTerminationPolicy", {})
    limits.check_auto_termination(policy)
    return _put(backend, request, AutoTerminationPolicy=policy)


def remove_auto_termination_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _put(backend, request, AutoTerminationPolicy=None)


def put_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    policy = request["ManagedScalingPolicy"]
    limits.check_managed_scaling(policy)
    return _put(backend, request, ManagedScalingPolicy=policy)


def remove_managed_scaling_policy(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _put(backend, request, ManagedScalingPolicy=None)


def _put(backend: LocalEmrBackend, request: JsonObject, **policy: JsonObject | None) -> JsonObject:
    with backend.cluster(request["ClusterId"]).change_living() as record:
        record.settings |= policy
    return {}


def _settings(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return backend.cluster(request["ClusterId"]).record.settings


get_auto_termination_policy = get_managed_scaling_policy = _settings
