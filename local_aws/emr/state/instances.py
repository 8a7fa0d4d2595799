"""Instance groups and fleets, as the instances that EMR would list. None of them does anything. Pure."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from moto.emr.exceptions import ValidationException

from local_aws.emr.state.records import ClusterRecord, JsonObject

CAPACITIES = {"ON_DEMAND": "TargetOnDemandCapacity", "SPOT": "TargetSpotCapacity"}
_DEFAULT_INSTANCE_TYPE = "m5.xlarge"


@dataclass(frozen=True)
class InstanceCollection:
    """An instance group or an instance fleet; nothing runs on its instances, for the machine is one."""

    id: str
    role: str
    config: JsonObject
    """The InstanceGroupConfig or InstanceFleetConfig of the request, with EMR's defaults."""

    def instances(self) -> Iterator[JsonObject]:
        for place, (market, instance_type) in enumerate(_wanted(self.config)):
            digest = _digest(f"{self.id}/{place}")
            ids = {"Id": f"ci-{digest[-13:].upper()}", "Ec2InstanceId": f"i-{digest[:17]}"}
            yield {**ids, "Market": market, "InstanceType": instance_type}


def instance_collections(record: ClusterRecord) -> list[InstanceCollection]:
    """Return the groups or fleets that RunJobFlow's Instances mean, or raise what EMR answers.

    Every identifier follows from the cluster's and from the place in the list, so that it stays the same.
    """
    asked = record.settings["Instances"]
    groups, fleets = asked.get("InstanceGroups"), asked.get("InstanceFleets")
    if groups and fleets:
        raise ValidationException("Instance groups and instance fleets are mutually exclusive.")
    make = _make_fleet if fleets else _make_group
    configs = fleets or groups or _uniform_groups(asked)
    collections = [make(_digest(f"{record.id}/{place}"), config) for place, config in enumerate(configs)]
    roles = [collection.role for collection in collections]
    if roles.count("MASTER") != 1:
        raise ValidationException("A cluster needs exactly one instance group or fleet for the primary node (MASTER).")
    if roles.count("CORE") > 1:
        raise ValidationException("A cluster can have at most one instance group or fleet of core nodes (CORE).")
    return collections


def _uniform_groups(asked: JsonObject) -> list[JsonObject]:
    """Return the groups that MasterInstanceType, SlaveInstanceType and InstanceCount mean."""
    primary_type = asked.get("MasterInstanceType", _DEFAULT_INSTANCE_TYPE)
    groups = [{"InstanceRole": "MASTER", "InstanceType": primary_type, "InstanceCount": 1}]
    if (core_count := asked.get("InstanceCount", 1) - 1) > 0:
        core_type = asked.get("SlaveInstanceType", primary_type)
        groups.append({"InstanceRole": "CORE", "InstanceType": core_type, "InstanceCount": core_count})
    return groups


def _make_group(digest: str, config: JsonObject) -> InstanceCollection:
    role = config["InstanceRole"]
    if role == "MASTER" and config["InstanceCount"] not in (1, 3):
        raise ValidationException("The primary instance group must have 1 instance, or 3 for high availability.")
    return InstanceCollection(f"ig-{digest[:13].upper()}", role, {"Market": "ON_DEMAND", **config})


def _make_fleet(digest: str, config: JsonObject) -> InstanceCollection:
    role = config["InstanceFleetType"]
    if not any(config.get(name) for name in CAPACITIES.values()):
        raise ValidationException(f"The instance fleet {role} needs a target capacity, on-demand or Spot, above 0.")
    return InstanceCollection(f"if-{digest[:13].upper()}", role, dict.fromkeys(CAPACITIES.values(), 0) | config)


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


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
