"""Instances, groups and fleets in the shapes of EMR's answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from local_aws.emr.api.descriptions import PRIMARY_DNS_NAME, timeline, without_none
from local_aws.emr.state.instances import FLEETS
from local_aws.emr.state.records import (
    BOOTSTRAPPING,
    STARTING,
    ClusterRecord,
    InstanceCollection,
    InstanceRecord,
    JsonObject,
)


def group_description(group: InstanceCollection, record: ClusterRecord) -> JsonObject:
    config = group.config
    return without_none(
        Id=group.id,
        Name=config.get("Name", group.role.capitalize()),
        Market=config.get("Market", "ON_DEMAND"),
        InstanceGroupType=group.role,
        BidPrice=config.get("BidPrice"),
        InstanceType=config["InstanceType"],
        RequestedInstanceCount=config["InstanceCount"],
        RunningInstanceCount=_running_count(group, record),
        Status=_status(record, "TERMINATED" if record.has_ended else "TERMINATING"),
        Configurations=config.get("Configurations", []),
        EbsBlockDevices=[],
        ShrinkPolicy={},
    )


def fleet_description(fleet: InstanceCollection, record: ClusterRecord) -> JsonObject:
    config = fleet.config
    is_up = _state(record) == "RUNNING"
    specifications = [
        without_none(
            InstanceType=asked["InstanceType"],
            WeightedCapacity=asked.get("WeightedCapacity", 1),
            BidPrice=asked.get("BidPrice"),
            BidPriceAsPercentageOfOnDemandPrice=asked.get("BidPriceAsPercentageOfOnDemandPrice"),
            Configurations=asked.get("Configurations", []),
            EbsBlockDevices=[],
            CustomAmiId=asked.get("CustomAmiId"),
            Priority=asked.get("Priority"),
        )
        for asked in config.get("InstanceTypeConfigs", [])
    ]
    return without_none(
        Id=fleet.id,
        Name=config.get("Name", fleet.role.capitalize()),
        Status=_status(record, "TERMINATED" if record.has_ended else "TERMINATING"),
        InstanceFleetType=fleet.role,
        TargetOnDemandCapacity=config["TargetOnDemandCapacity"],
        TargetSpotCapacity=config["TargetSpotCapacity"],
        ProvisionedOnDemandCapacity=config["TargetOnDemandCapacity"] if is_up else 0,
        ProvisionedSpotCapacity=config["TargetSpotCapacity"] if is_up else 0,
        InstanceTypeSpecifications=specifications,
        LaunchSpecifications=config.get("LaunchSpecifications"),
        ResizeSpecifications=config.get("ResizeSpecifications"),
        Context=config.get("Context"),
    )


def instance_descriptions(record: ClusterRecord, collections: list[InstanceCollection]) -> Iterator[JsonObject]:
    for collection in collections:
        for instance in collection.instances:
            yield _describe_instance(instance, collection, record)


def _describe_instance(instance: InstanceRecord, collection: InstanceCollection, record: ClusterRecord) -> JsonObject:
    member = "InstanceFleetId" if record.instance_collection_type == FLEETS else "InstanceGroupId"
    return {
        "Id": instance.id,
        "Ec2InstanceId": instance.ec2_id,
        "PublicDnsName": "",
        "PrivateDnsName": PRIMARY_DNS_NAME,
        "PrivateIpAddress": "127.0.0.1",
        "Status": _status(record, "TERMINATED"),
        member: collection.id,
        "Market": instance.market,
        "InstanceType": instance.instance_type,
        "EbsVolumes": [],
    }


def _running_count(collection: InstanceCollection, record: ClusterRecord) -> int:
    return len(collection.instances) if _state(record) == "RUNNING" else 0


def _state(record: ClusterRecord) -> str:
    if record.state == STARTING:
        return "PROVISIONING"
    if record.state == BOOTSTRAPPING:
        return "BOOTSTRAPPING"
    return "ENDED" if record.is_ending else "RUNNING"


def _status(record: ClusterRecord, ended_state: str) -> JsonObject:
    state = _state(record)
    if state == "ENDED":
        reason = {"Code": "CLUSTER_TERMINATED", "Message": "Job flow terminated"}
        return {"State": ended_state, "StateChangeReason": reason, "Timeline": timeline(record)}
    return {"State": state, "StateChangeReason": {}, "Timeline": timeline(record)}


def instance_state(record: ClusterRecord) -> str:
    """Return the state of every instance of the cluster, which ListInstances filters by."""
    state: str = _status(record, "TERMINATED")["State"]
    return state
