"""Instance groups and fleets, as the instances that EMR would list. None of them does anything. Pure."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.emr.errors import ValidationError
from local_aws.emr.state.records import InstanceCollection, InstanceRecord, JsonObject, make_ec2_id, make_id

GROUPS, FLEETS = "INSTANCE_GROUP", "INSTANCE_FLEET"
_DEFAULT_INSTANCE_TYPE = "m5.xlarge"
_ID_LETTERS = string.ascii_uppercase + string.digits


def make_collections(asked: Mapping[str, Any]) -> tuple[str, list[InstanceCollection]]:
    """Return which of groups or fleets RunJobFlow's Instances are, and the groups or fleets."""
    groups, fleets = asked.get("InstanceGroups"), asked.get("InstanceFleets")
    if groups and fleets:
        raise ValidationError("Instance groups and instance fleets are mutually exclusive.")
    if fleets:
        _check_one_primary([fleet["InstanceFleetType"] for fleet in fleets])
        return FLEETS, [make_fleet(fleet) for fleet in fleets]
    groups = groups or _uniform_groups(asked)
    _check_one_primary([group["InstanceRole"] for group in groups])
    return GROUPS, [make_group(group) for group in groups]


def _uniform_groups(asked: Mapping[str, Any]) -> list[JsonObject]:
    """Return the groups that MasterInstanceType, SlaveInstanceType and InstanceCount mean."""
    primary_type = asked.get("MasterInstanceType", _DEFAULT_INSTANCE_TYPE)
    groups = [{"InstanceRole": "MASTER", "InstanceType": primary_type, "InstanceCount": 1}]
    if (core_count := asked.get("InstanceCount", 1) - 1) > 0:
        core_type = asked.get("SlaveInstanceType", primary_type)
        groups.append({"InstanceRole": "CORE", "InstanceType": core_type, "InstanceCount": core_count})
    return groups


def _check_one_primary(roles: Sequence[str]) -> None:
    if roles.count("MASTER") != 1:
        raise ValidationError("A cluster needs exactly one instance group or fleet for the primary node (MASTER).")
    if roles.count("CORE") > 1:
        raise ValidationError("A cluster can have at most one instance group or fleet of core nodes (CORE).")


def make_group(config: JsonObject) -> InstanceCollection:
    if config["InstanceRole"] == "MASTER" and config["InstanceCount"] not in (1, 3):
        raise ValidationError("The primary instance group must have 1 instance, or 3 for high availability.")
    group = InstanceCollection(make_id("ig-", _ID_LETTERS, 13), config["InstanceRole"], config, [])
    resize_group(group, config["InstanceCount"])
    return group


def resize_group(group: InstanceCollection, count: int) -> None:
    group.config["InstanceCount"] = count
    market = group.config.get("Market", "ON_DEMAND")
    _resize(group, [(group.config["InstanceType"], market)] * count)


def make_fleet(config: JsonObject) -> InstanceCollection:
    if not config.get("TargetOnDemandCapacity") and not config.get("TargetSpotCapacity"):
        raise ValidationError(
            f"The instance fleet {config['InstanceFleetType']} needs a target capacity, on-demand or Spot, above 0."
        )
    fleet = InstanceCollection(make_id("if-", _ID_LETTERS, 13), config["InstanceFleetType"], config, [])
    resize_fleet(fleet, config)
    return fleet


def resize_fleet(fleet: InstanceCollection, targets: Mapping[str, Any]) -> None:
    wanted: list[tuple[str, str]] = []
    for market, name in (("ON_DEMAND", "TargetOnDemandCapacity"), ("SPOT", "TargetSpotCapacity")):
        fleet.config[name] = targets.get(name, fleet.config.get(name, 0))
        instance_type = _first_instance_type(fleet)
        count = math.ceil(fleet.config[name] / instance_type.get("WeightedCapacity", 1))
        wanted += [(instance_type["InstanceType"], market)] * count
    _resize(fleet, wanted)


def _first_instance_type(fleet: InstanceCollection) -> Mapping[str, Any]:
    types: list[dict[str, Any]] = fleet.config.get("InstanceTypeConfigs") or [{"InstanceType": _DEFAULT_INSTANCE_TYPE}]
    return types[0]


def _resize(collection: InstanceCollection, wanted: Sequence[tuple[str, str]]) -> None:
    kept = collection.instances[: len(wanted)]
    new = [InstanceRecord(make_id("ci-"), make_ec2_id(), *asked) for asked in wanted[len(kept) :]]
    collection.instances = kept + new
