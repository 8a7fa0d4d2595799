"""The API's operations on clusters. A policy for auto-termination works, one for managed scaling is only kept."""

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


def set_termination_protection(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    for cluster in [backend.job_flow(job_flow_id) for job_flow_id in request["JobFlowIds"]]:
        with cluster.change_living() as record:
            record.settings["Instances"]["TerminationProtected"] = request["TerminationProtected"]
    return {}
