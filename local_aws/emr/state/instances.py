"""Instance groups and fleets, as the instances that EMR would list. None of them does anything. Pure."""

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from moto.emr.exceptions import InvalidRequestException, ValidationException

from local_aws.emr.state.records import ClusterRecord, FleetResize, JsonObject, now

CAPACITIES = {"ON_DEMAND": "TargetOnDemandCapacity", "SPOT": "TargetSpotCapacity"}
_DEFAULT_INSTANCE_TYPE = "m5.xlarge"


@dataclass(frozen=True)
class Instance:
    """One instance of a group or fleet, which ended with its cluster if no other end is known."""

    id: str
    ec2_id: str
    market: str
    instance_type: str
    created_at: float
    ended_at: float | None = None


@dataclass(frozen=True)
class InstanceCollection:
    """An instance group or an instance fleet; nothing runs on its instances, for the machine is one."""

    id: str
    role: str
    config: JsonObject
    """The InstanceGroupConfig or InstanceFleetConfig of the request, with EMR's defaults and its present capacities."""
    resizes: Sequence[FleetResize]
    """The capacities from each moment on, the first of them from the beginning."""

    def instances(self) -> Iterator[Instance]:
        """Yield every instance that ever was, the newest of a market going first where it shrinks."""
        instance_type, weight = _first_type(self.config)
        made: list[Instance] = []
        for since in self.resizes:
            for market, capacity in since.capacities.items():
                living = [place for place, one in enumerate(made) if one.market == market and one.ended_at is None]
                wanted = math.ceil(capacity / weight)
                for place in living[wanted:]:
                    made[place] = replace(made[place], ended_at=since.at)
                for _ in range(wanted - len(living)):
                    digest = _digest(f"{self.id}/{len(made)}")
                    ids = (f"ci-{digest[-13:].upper()}", f"i-{digest[:17]}")
                    made.append(Instance(*ids, market, instance_type, since.at))
        yield from made


def instance_collections(record: ClusterRecord, has_spot: bool = True) -> list[InstanceCollection]:
    """Return the groups or fleets that RunJobFlow's Instances mean, or raise what EMR answers.

    Every identifier follows from the cluster's and from the place in the list, so that it stays the same. Without
    `has_spot` no Spot instance ever comes.
    """
    asked = record.settings["Instances"]
    groups, fleets = asked.get("InstanceGroups"), asked.get("InstanceFleets")
    if groups and fleets:
        raise ValidationException("Instance groups and instance fleets are mutually exclusive.")
    digests = (_digest(f"{record.id}/{place}") for place in itertools.count())
    if fleets:
        collections = [
            _make_fleet(next(digests), config, _resizes(record, place, has_spot)) for place, config in enumerate(fleets)
        ]
    else:
        configs = groups or _uniform_groups(asked)
        collections = [_make_group(next(digests), config, record.created_at) for config in configs]
    roles = [collection.role for collection in collections]
    if roles.count("MASTER") != 1:
        raise ValidationException("A cluster needs exactly one instance group or fleet for the primary node (MASTER).")
    for role in ("CORE", "TASK") if fleets else ("CORE",):
        if roles.count(role) > 1:
            raise ValidationException(f"A cluster can have at most one instance group or fleet of {role} nodes.")
    return collections


def capacities_of(config: JsonObject) -> dict[str, int]:
    """Return the capacities that a fleet's configuration asks for, by market."""
    return {market: config.get(name, 0) for market, name in CAPACITIES.items()}


def add_fleet(record: ClusterRecord, config: JsonObject) -> InstanceCollection:
    """Add a fleet to a cluster that runs, or raise what EMR answers."""
    fleets = record.settings["Instances"]["InstanceFleets"]
    if config["InstanceFleetType"] != "TASK" or any(fleet["InstanceFleetType"] == "TASK" for fleet in fleets):
        raise ValidationException("A cluster that runs takes one instance fleet more: of task nodes, if it has none.")
    since = FleetResize(len(fleets), now(), capacities_of(config))
    added = _make_fleet(_digest(f"{record.id}/{len(fleets)}"), config, [since])
    fleets.append(config)
    record.fleet_resizes.append(since)
    return added


def resize_fleet(record: ClusterRecord, fleet_id: str, change: JsonObject) -> None:
    """Change the capacities of a fleet; raise what EMR answers if there is none of this id."""
    places = [place for place, fleet in enumerate(instance_collections(record)) if fleet.id == fleet_id]
    if not places:
        raise InvalidRequestException(f"Instance fleet id '{fleet_id}' is not valid.")
    [place] = places
    config = record.settings["Instances"]["InstanceFleets"][place]
    if not any(since.fleet == place for since in record.fleet_resizes):
        record.fleet_resizes.append(FleetResize(place, record.created_at, capacities_of(config)))
    config |= {name: change[name] for name in CAPACITIES.values() if name in change}
    record.fleet_resizes.append(FleetResize(place, now(), capacities_of(config)))


def _resizes(record: ClusterRecord, place: int, has_spot: bool) -> list[FleetResize]:
    """Return the capacities of a fleet that there were, and not only those that were asked for."""
    config = record.settings["Instances"]["InstanceFleets"][place]
    own = [since for since in record.fleet_resizes if since.fleet == place]
    asked = own or [FleetResize(place, record.created_at, capacities_of(config))]
    if has_spot:
        return asked
    came = [replace(each, capacities=each.capacities | {"SPOT": 0}) for each in asked]
    spot = config.get("LaunchSpecifications", {}).get("SpotSpecification", {})
    # The timeout applies only to what a cluster begins with.
    if asked[0].at == record.created_at and spot.get("TimeoutAction") == "SWITCH_TO_ON_DEMAND":
        later, switched = asked[0].at + 60 * spot["TimeoutDurationMinutes"], sum(asked[0].capacities.values())
        if later <= min([now(), *(each.at for each in asked[1:])]):
            came.insert(1, FleetResize(place, later, {"ON_DEMAND": switched, "SPOT": 0}))
    return came


def _uniform_groups(asked: JsonObject) -> list[JsonObject]:
    """Return the groups that MasterInstanceType, SlaveInstanceType and InstanceCount mean."""
    primary_type = asked.get("MasterInstanceType", _DEFAULT_INSTANCE_TYPE)
    groups = [{"InstanceRole": "MASTER", "InstanceType": primary_type, "InstanceCount": 1}]
    if (core_count := asked.get("InstanceCount", 1) - 1) > 0:
        core_type = asked.get("SlaveInstanceType", primary_type)
        groups.append({"InstanceRole": "CORE", "InstanceType": core_type, "InstanceCount": core_count})
    return groups


def _make_group(digest: str, config: JsonObject, created_at: float) -> InstanceCollection:
    role, market = config["InstanceRole"], config.get("Market", "ON_DEMAND")
    if role == "MASTER" and config["InstanceCount"] not in (1, 3):
        raise ValidationException("The primary instance group must have 1 instance, or 3 for high availability.")
    since = FleetResize(0, created_at, {market: config["InstanceCount"]})
    return InstanceCollection(f"ig-{digest[:13].upper()}", role, {"Market": market, **config}, [since])


def _make_fleet(digest: str, config: JsonObject, resizes: Sequence[FleetResize]) -> InstanceCollection:
    role = config["InstanceFleetType"]
    if not any(capacities_of(config).values()) and role != "TASK":
        raise ValidationException(f"The instance fleet {role} needs a target capacity, on-demand or Spot, above 0.")
    return InstanceCollection(
        f"if-{digest[:13].upper()}", role, dict.fromkeys(CAPACITIES.values(), 0) | config, resizes
    )


def _first_type(config: JsonObject) -> tuple[str, int]:
    """Return the type of all instances, and how much capacity each is. A fleet gets the first of its types."""
    if "InstanceRole" in config:
        return config["InstanceType"], 1
    first = (config.get("InstanceTypeConfigs") or [{"InstanceType": _DEFAULT_INSTANCE_TYPE}])[0]
    return first["InstanceType"], first.get("WeightedCapacity", 1)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
