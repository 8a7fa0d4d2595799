"""The API's operations on instances, groups and fleets."""

from moto.emr.exceptions import InvalidRequestException

from local_aws.emr.api.descriptions import fleet_description, group_description, instance_descriptions
from local_aws.emr.api.models import LocalEmrBackend
from local_aws.emr.state.instances import InstanceCollection, add_fleet, instance_collections, resize_fleet
from local_aws.emr.state.records import ClusterRecord, CollectionType, JsonObject


def list_instance_groups(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = _record_of(backend, request["ClusterId"], "INSTANCE_GROUP")
    return {"InstanceGroups": [group_description(group, record) for group in instance_collections(record)]}


def list_instance_fleets(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = _record_of(backend, request["ClusterId"], "INSTANCE_FLEET")
    return {"InstanceFleets": [fleet_description(fleet, record) for fleet in _collections(backend, record)]}


def add_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    cluster_id = request["ClusterId"]
    _record_of(backend, cluster_id, "INSTANCE_FLEET")
    with backend.cluster(cluster_id).change_living() as record:
        added = add_fleet(record, request["InstanceFleet"])
    return {"ClusterId": cluster_id, "InstanceFleetId": added.id, "ClusterArn": record.arn}


def modify_instance_fleet(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    """Change the capacities of a fleet; instances come and go at once, and what else a request says is ignored."""
    _record_of(backend, request["ClusterId"], "INSTANCE_FLEET")
    change = request["InstanceFleet"]
    with backend.cluster(request["ClusterId"]).change_living() as record:
        resize_fleet(record, change["InstanceFleetId"], change)
    return {}


def list_instances(backend: LocalEmrBackend, request: JsonObject) -> JsonObject:
    record = backend.cluster(request["ClusterId"]).record
    ids = {request.get("InstanceGroupId"), request.get("InstanceFleetId")} - {None}
    roles = {*request.get("InstanceGroupTypes", []), request.get("InstanceFleetType")} - {None}
    states = request.get("InstanceStates")
    instances = [
        instance
        for collection in _collections(backend, record)
        if (not ids or collection.id in ids) and (not roles or collection.role in roles)
        for instance in instance_descriptions(record, collection)
        if not states or instance["Status"]["State"] in states
    ]
    return {"Instances": instances}


def _collections(backend: LocalEmrBackend, record: ClusterRecord) -> list[InstanceCollection]:
    return instance_collections(record, has_spot=not backend.config.hardness.no_spot)


def _record_of(backend: LocalEmrBackend, cluster_id: str, collection_type: CollectionType) -> ClusterRecord:
    record = backend.cluster(cluster_id).record
    if record.instance_collection_type != collection_type:
        asked, has = ("fleets", "groups") if collection_type == "INSTANCE_FLEET" else ("groups", "fleets")
        raise InvalidRequestException(
            f"Instance {asked} and instance {has} are mutually exclusive: {cluster_id} has {has}."
        )
    return record
