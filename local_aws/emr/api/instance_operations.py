"""The API's operations on instances, groups and fleets."""

from __future__ import annotations

from moto.emr.exceptions import InvalidRequestException

from local_aws.emr.api.descriptions import (
    fleet_description,
    group_description,
    instance_descriptions,
    instance_state,
)
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.state.instances import CAPACITIES, make_fleet, make_group
from local_aws.emr.state.records import CollectionType, InstanceCollection, JsonObject


def list_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = _cluster_of(backend, request["ClusterId"], "INSTANCE_GROUP").record
    return {"InstanceGroups": [group_description(group, record) for group in record.instance_collections]}


def list_instance_fleets(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = _cluster_of(backend, request["ClusterId"], "INSTANCE_FLEET").record
    return {"InstanceFleets": [fleet_description(fleet, record) for fleet in record.instance_collections]}


def list_instances(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = backend.cluster(request["ClusterId"]).record
    ids = {request[name] for name in ("InstanceGroupId", "InstanceFleetId") if name in request}
    roles = request.get("InstanceGroupTypes") or [request[n] for n in ("InstanceFleetType",) if n in request]
    states = request.get("InstanceStates")
    instances = [
        instance
        for collection in record.instance_collections
        if (not ids or collection.id in ids) and (not roles or collection.role in roles)
        for instance in instance_descriptions(record, collection)
    ]
    is_asked = not states or instance_state(record) in states
    return {"Instances": instances if is_asked else []}


def add_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["JobFlowId"], "INSTANCE_GROUP")
    groups = [make_group(config) for config in request["InstanceGroups"]]
    _add(cluster, groups)
    ids = [group.id for group in groups]
    return {"JobFlowId": cluster.id, "InstanceGroupIds": ids, "ClusterArn": cluster.record.arn}


def add_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster = _cluster_of(backend, request["ClusterId"], "INSTANCE_FLEET")
    fleet = make_fleet(request["InstanceFleet"])
    _add(cluster, [fleet])
    return {"ClusterId": cluster.id, "InstanceFleetId": fleet.id, "ClusterArn": cluster.record.arn}


def modify_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    for change in request.get("InstanceGroups", []):
        _change(backend, change["InstanceGroupId"], change, ["InstanceCount"])
    return {}


def modify_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    _cluster_of(backend, request["ClusterId"], "INSTANCE_FLEET")
    change = request["InstanceFleet"]
    _change(backend, change["InstanceFleetId"], change, list(CAPACITIES.values()))
    return {}


def _cluster_of(backend: LocalEmrBackend, cluster_id: str, collection_type: CollectionType) -> Cluster:
    cluster = backend.cluster(cluster_id)
    if cluster.record.instance_collection_type != collection_type:
        asked, has = ("fleets", "groups") if collection_type == "INSTANCE_FLEET" else ("groups", "fleets")
        raise InvalidRequestException(
            f"Instance {asked} and instance {has} are mutually exclusive: {cluster_id} has {has}."
        )
    return cluster


def _add(cluster: Cluster, collections: list[InstanceCollection]) -> None:
    if any(collection.role != "TASK" for collection in collections):
        raise InvalidRequestException("Only task instances (TASK) can be added to a running cluster.")
    with cluster.change_living() as record:
        record.instance_collections += collections


def _change(backend: LocalEmrBackend, collection_id: str, change: JsonObject, names: list[str]) -> None:
    for cluster in list(backend.clusters.values()):
        for collection in cluster.record.instance_collections:
            if collection.id == collection_id:
                with cluster.change_living():
                    collection.config |= {name: change[name] for name in names if name in change}
                return
    raise InvalidRequestException(f"Instance group or fleet id '{collection_id}' is not valid.")
