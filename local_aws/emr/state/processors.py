"""Processors of instance types, as far as a computation can notice them. Pure."""

from collections.abc import Iterable

from local_aws.emr.state.records import ClusterRecord

# From the weakest on, by the names that OpenVINO's OV_CPU_MAX_ISA takes. The last has AVX512_BF16.
_ISAS = ("AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "")
_GENERATIONS = {"4": "AVX2", "5": "AVX512_CORE", "6i": "AVX512_CORE_VNNI", "7i": ""}


def weakest_isa(record: ClusterRecord) -> str:
    """Return OpenVINO's name of the weakest instruction set among the instances that compute; empty for no limit.

    EMR takes the cheapest type of a fleet, which is mostly the oldest. What this table does not know limits nothing.
    """
    return min((_isa(name) for name in _computing_types(record)), key=_ISAS.index, default="")


def _computing_types(record: ClusterRecord) -> Iterable[str]:
    """List the types of core and task nodes; those of the primary one, which computes nothing else, if it is alone."""
    asked = record.settings["Instances"]
    types: dict[str, list[str]] = {}
    for fleet in asked.get("InstanceFleets") or []:
        names = [config["InstanceType"] for config in fleet.get("InstanceTypeConfigs") or []]
        types.setdefault(fleet["InstanceFleetType"], []).extend(names)
    for group in asked.get("InstanceGroups") or []:
        types.setdefault(group["InstanceRole"], []).append(group["InstanceType"])
    primary = types.pop("MASTER", [])
    return [name for names in types.values() for name in names] or primary


def _isa(instance_type: str) -> str:
    """Return the name for a type.

    >>> _isa("r6i.xlarge"), _isa("r7i.2xlarge"), _isa("r7g.xlarge")
    ('AVX512_CORE_VNNI', '', '')
    """
    return _GENERATIONS.get(instance_type.partition(".")[0][1:], "")
