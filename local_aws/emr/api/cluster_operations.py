"""The API's operations on clusters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.utils import parse_timestamp

from local_aws.emr.api.descriptions import bootstrap_action_descriptions, cluster_description, cluster_summary
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.api.pages import page
from local_aws.emr.state.limits import check_step_concurrency
from local_aws.emr.state.records import JsonObject


def run_job_flow(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.start_job_flow(request)
    return {"JobFlowId": cluster.id, "ClusterArn": cluster.record.arn}


def describe_cluster(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.cluster(request["ClusterId"])
    with cluster.changed:
        return {"Cluster": cluster_description(cluster.record)}


def list_clusters(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    clusters = backend.clusters_in(
        request.get("ClusterStates", []), _seconds(request.get("CreatedAfter")), _seconds(request.get("CreatedBefore"))
    )
    summaries = [cluster_summary(cluster.record) for cluster in clusters]
    return page("Clusters", summaries, request.get("Marker"))


def list_bootstrap_actions(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    actions = bootstrap_action_descriptions(backend.cluster(request["ClusterId"]).record)
    return page("BootstrapActions", actions, request.get("Marker"), key="Name")


def modify_cluster(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = backend.cluster(request["ClusterId"])
    level = request.get("StepConcurrencyLevel")
    with cluster.change_living() as record:
        if level is not None:
            check_step_concurrency(level)
            record.step_concurrency_level = level
        return {"StepConcurrencyLevel": record.step_concurrency_level}


def terminate_job_flows(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    backend.end_job_flows(request["JobFlowIds"])
    return {}


def set_termination_protection(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "termination_protected", request["TerminationProtected"])


def set_keep_job_flow_alive_when_no_steps(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "keep_alive", request["KeepJobFlowAliveWhenNoSteps"])


def set_visible_to_all_users(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "visible_to_all_users", request["VisibleToAllUsers"])


def set_unhealthy_node_replacement(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    return _set(backend, request, "unhealthy_node_replacement", request["UnhealthyNodeReplacement"])


def _set(backend: LocalEmrBackend, request: JsonObject, field: str, value: bool) -> JsonObject:
    for cluster in [backend.job_flow(job_flow_id) for job_flow_id in request["JobFlowIds"]]:
        with cluster.change_living() as record:
            setattr(record, field, value)
    return {}


def add_tags(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    with backend.cluster(_resource_id(request)).change() as record:
        record.tags |= {tag["Key"]: tag.get("Value", "") for tag in request["Tags"]}
    return {}


def remove_tags(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    with backend.cluster(_resource_id(request)).change() as record:
        for key in request["TagKeys"]:
            record.tags.pop(key, None)
    return {}


def _resource_id(request: JsonObject) -> str:
    """Return the identifier of a cluster that is named by its identifier or its ARN."""
    resource: str = request["ResourceId"]
    return resource.rpartition("/")[2]


def _seconds(timestamp: Any) -> float | None:
    """Return a request's time, which is a number of seconds since 1970 or a text."""
    if timestamp is None:
        return None
    moment: datetime = parse_timestamp(timestamp)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
