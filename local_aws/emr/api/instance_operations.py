"""The API's operations on instances, groups and fleets."""

from __future__ import annotations

from local_aws.emr.api.instance_descriptions import (
    fleet_description,
    group_description,
    instance_descriptions,
    instance_state,
)
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.api.pages import page
from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.errors import InvalidRequestError
from local_aws.emr.state.instances import FLEETS, GROUPS, make_fleet, make_group, resize_fleet, resize_group
from local_aws.emr.state.records import InstanceCollection, JsonObject


def list_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["ClusterId"], GROUPS)
    groups = [group_description(group, cluster.record) for group in cluster.record.instance_collections]
    return page("InstanceGroups", groups, request.get("Marker"))


def list_instance_fleets(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["ClusterId"], FLEETS)
    fleets = [fleet_description(fleet, cluster.record) for fleet in cluster.record.instance_collections]
    return page("InstanceFleets", fleets, request.get("Marker"))


def list_instances(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = backend.cluster(request["ClusterId"]).record
    ids = {request[name] for name in ("InstanceGroupId", "InstanceFleetId") if name in request}
    roles = {
        *request.get("InstanceGroupTypes", []),
        *([request["InstanceFleetType"]] if "InstanceFleetType" in request else []),
    }
    states = request.get("InstanceStates", [])
    collections = [
        collection
        for collection in record.instance_collections
        if (not ids or collection.id in ids) and (not roles or collection.role in roles)
    ]
    instances = (
        [] if states and instance_state(record) not in states else list(instance_descriptions(record, collections))
    )
    return page("Instances", instances, request.get("Marker"))


def add_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["JobFlowId"], GROUPS)
    groups = [make_group(dict(config)) for config in request["InstanceGroups"]]
    _add(cluster, groups)
    return {
        "JobFlowId": cluster.id,
        "InstanceGroupIds": [group.id for group in groups],
        "ClusterArn": cluster.record.arn,
    }


def add_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["ClusterId"], FLEETS)
    fleet = make_fleet(dict(request["InstanceFleet"]))
    _add(cluster, [fleet])
    return {"ClusterId": cluster.id, "InstanceFleetId": fleet.id, "ClusterArn": cluster.record.arn}


def modify_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    for change in request.get("InstanceGroups", []):
        cluster, group = _find(backend, change["InstanceGroupId"])
        with cluster.change_living():
            resize_group(group, change.get("InstanceCount", group.config["InstanceCount"]))
    return {}


def modify_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    _cluster_of(backend, request["ClusterId"], FLEETS)
    cluster, fleet = _find(backend, request["InstanceFleet"]["InstanceFleetId"])
    with cluster.change_living():
        resize_fleet(fleet, request["InstanceFleet"])
    return {}


def _cluster_of(backend: LocalEmrBackend, cluster_id: str, collection_type: str) -> Cluster:
    cluster = backend.cluster(cluster_id)
    if cluster.record.instance_collection_type != collection_type:
        asked, has = ("fleets", "groups") if collection_type == FLEETS else ("groups", "fleets")
        raise InvalidRequestError(
            f"Instance {asked} and instance {has} are mutually exclusive: {cluster_id} has {has}."
        )
    return cluster


def _add(cluster: Cluster, collections: list[InstanceCollection]) -> None:
    if any(collection.role != "TASK" for collection in collections):
        raise InvalidRequestError("Only task instances (TASK) can be added to a running cluster.")
    with cluster.change_living() as record:
        record.instance_collections += collections


def _find(backend: LocalEmrBackend, collection_id: str) -> tuple[Cluster, InstanceCollection]:
    for cluster in backend.clusters.values():
        for collection in cluster.record.instance_collections:
            if collection.id == collection_id:
                return cluster, collection
    raise InvalidRequestError(f"Instance group or fleet id '{collection_id}' is not valid.")
