"""Instance groups and fleets, as the instances that EMR would list. None of them does anything. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from moto.emr.exceptions import ValidationException

from local_aws.emr.state.records import ClusterRecord, InstanceCollection, JsonObject, make_id

CAPACITIES = {"ON_DEMAND": "TargetOnDemandCapacity", "SPOT": "TargetSpotCapacity"}
_DEFAULT_INSTANCE_TYPE = "m5.xlarge"


def make_collections(asked: Mapping[str, Any]) -> list[InstanceCollection]:
    """Return the groups or fleets that RunJobFlow's Instances are."""
    groups, fleets = asked.get("InstanceGroups"), asked.get("InstanceFleets")
    if groups and fleets:
        raise ValidationException("Instance groups and instance fleets are mutually exclusive.")
    if fleets:
        collections = [make_fleet(fleet) for fleet in fleets]
    else:
        collections = [make_group(group) for group in groups or _uniform_groups(asked)]
    roles = [collection.role for collection in collections]
    if roles.count("MASTER") != 1:
        raise ValidationException("A cluster needs exactly one instance group or fleet for the primary node (MASTER).")
    if roles.count("CORE") > 1:
        raise ValidationException("A cluster can have at most one instance group or fleet of core nodes (CORE).")
    return collections


def _uniform_groups(asked: Mapping[str, Any]) -> list[JsonObject]:
    """Return the groups that MasterInstanceType, SlaveInstanceType and InstanceCount mean."""
    primary_type = asked.get("MasterInstanceType", _DEFAULT_INSTANCE_TYPE)
    groups = [{"InstanceRole": "MASTER", "InstanceType": primary_type, "InstanceCount": 1}]
    if (core_count := asked.get("InstanceCount", 1) - 1) > 0:
        core_type = asked.get("SlaveInstanceType", primary_type)
        groups.append({"InstanceRole": "CORE", "InstanceType": core_type, "InstanceCount": core_count})
    return groups


def make_group(config: JsonObject) -> InstanceCollection:
    if config["InstanceRole"] == "MASTER" and config["InstanceCount"] not in (1, 3):
        raise ValidationException("The primary instance group must have 1 instance, or 3 for high availability.")
    return InstanceCollection(make_id("ig-"), config["InstanceRole"], {"Market": "ON_DEMAND", **config})


def make_fleet(config: JsonObject) -> InstanceCollection:
    if not any(config.get(name) for name in CAPACITIES.values()):
        raise ValidationException(
            f"The instance fleet {config['InstanceFleetType']} needs a target capacity, on-demand or Spot, above 0."
        )
    config = {**dict.fromkeys(CAPACITIES.values(), 0), **config}
    return InstanceCollection(make_id("if-"), config["InstanceFleetType"], config)


def instances_of(collection: InstanceCollection) -> Iterator[JsonObject]:
    """List the instances of a group or fleet. An identifier follows from the place, so that it stays the same."""
    for place, (market, instance_type) in enumerate(_wanted(collection.config)):
        digest = hashlib.sha256(f"{collection.id}/{place}".encode()).hexdigest()
        yield {
            "Id": f"ci-{digest[-13:].upper()}",
            "Ec2InstanceId": f"i-{digest[:17]}",
            "Market": market,
            "InstanceType": instance_type,
        }


def _wanted(config: JsonObject) -> Iterator[tuple[str, str]]:
    """List the market and the type of each instance. A fleet gets the first of its instance types."""
    if "InstanceRole" in config:
        for _ in range(config["InstanceCount"]):
            yield config["Market"], config["InstanceType"]
        return
    first_type = (config.get("InstanceTypeConfigs") or [{"InstanceType": _DEFAULT_INSTANCE_TYPE}])[0]
    for market, name in CAPACITIES.items():
        for _ in range(math.ceil(config[name] / first_type.get("WeightedCapacity", 1))):
            yield market, first_type["InstanceType"]


def primary_instance(record: ClusterRecord) -> str:
    """Return the EC2 identifier of the instance that is this machine."""
    primary = next(collection for collection in record.instance_collections if collection.role == "MASTER")
    return str(next(instances_of(primary))["Ec2InstanceId"])
