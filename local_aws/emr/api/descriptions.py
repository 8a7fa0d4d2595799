"""Clusters, steps and instances as EMR describes them. Pure.

A description may hold more than an answer has: moto's serializer keeps the members that the answer's shape names and
that have a value. It takes the fields of a dataclass for the members of the same name.
"""

from collections.abc import Iterator

from local_aws.emr.state.instances import CAPACITIES, Instance, InstanceCollection
from local_aws.emr.state.records import ClusterRecord, JsonObject, StepRecord

_PRIMARY_DNS_NAME = "ip-127-0-0-1.ec2.internal"


def cluster_description(record: ClusterRecord) -> JsonObject:
    settings, instances = record.settings, record.settings["Instances"]
    placement = instances.get("Placement", {})
    subnets = instances.get("Ec2SubnetIds") or ([instances["Ec2SubnetId"]] if "Ec2SubnetId" in instances else [])
    return {
        **settings,
        "Id": record.id,
        "ClusterArn": record.arn,
        "Status": {
            "State": record.state,
            "StateChangeReason": record.reason,
            "Timeline": _timeline(record),
            "ErrorDetails": record.error_details,
        },
        "NormalizedInstanceHours": 0,
        "AutoTerminate": not instances["KeepJobFlowAliveWhenNoSteps"],
        "Ec2InstanceAttributes": {
            **instances,
            "Ec2SubnetId": subnets[0] if subnets else None,
            "RequestedEc2SubnetIds": subnets,
            "Ec2AvailabilityZone": placement.get("AvailabilityZone", f"{record.region}a"),
            "RequestedEc2AvailabilityZones": placement.get("AvailabilityZones", []),
            "IamInstanceProfile": settings["JobFlowRole"],
        },
        "InstanceCollectionType": record.instance_collection_type,
        "MasterPublicDnsName": _PRIMARY_DNS_NAME,
        "TerminationProtected": instances["TerminationProtected"],
        "UnhealthyNodeReplacement": instances["UnhealthyNodeReplacement"],
    }


def step_description(step: StepRecord, log_uri: str | None) -> JsonObject:
    jar_step = step.config["HadoopJarStep"]
    properties = {entry["Key"]: entry.get("Value", "") for entry in jar_step.get("Properties", [])}
    return {
        **step.config,
        "Id": step.id,
        "Config": {"Args": [], **jar_step, "Properties": properties},
        "ActionOnFailure": step.action_on_failure,
        "Status": {
            "State": step.state,
            "StateChangeReason": step.reason,
            "FailureDetails": step.failure,
            "Timeline": {
                "CreationDateTime": step.created_at,
                "StartDateTime": step.started_at,
                "EndDateTime": step.ended_at,
            },
        },
        "LogUri": log_uri,
    }


def group_description(group: InstanceCollection, record: ClusterRecord) -> JsonObject:
    return {
        "Name": group.role.capitalize(),
        "Configurations": [],
        **group.config,
        "Id": group.id,
        "InstanceGroupType": group.role,
        "RequestedInstanceCount": group.config["InstanceCount"],
        "RunningInstanceCount": group.config["InstanceCount"] if instance_state(record) == "RUNNING" else 0,
        "Status": _status(record),
    }


def fleet_description(fleet: InstanceCollection, record: ClusterRecord) -> JsonObject:
    living = [one.market for one in fleet.instances() if one.ended_at is None and instance_state(record) == "RUNNING"]
    weight = (fleet.config.get("InstanceTypeConfigs") or [{}])[0].get("WeightedCapacity", 1)
    on_demand, spot = (min(weight * living.count(market), fleet.config[name]) for market, name in CAPACITIES.items())
    return {
        "Name": fleet.role.capitalize(),
        **fleet.config,
        "Id": fleet.id,
        "Status": _status(record),
        "ProvisionedOnDemandCapacity": on_demand,
        "ProvisionedSpotCapacity": spot,
        "InstanceTypeSpecifications": [
            {"WeightedCapacity": 1, "Configurations": [], **asked}
            for asked in fleet.config.get("InstanceTypeConfigs", [])
        ],
    }


def instance_descriptions(record: ClusterRecord, collection: InstanceCollection) -> Iterator[JsonObject]:
    member = "InstanceFleetId" if record.instance_collection_type == "INSTANCE_FLEET" else "InstanceGroupId"
    for instance in collection.instances():
        yield {
            "Id": instance.id,
            "Ec2InstanceId": instance.ec2_id,
            "Market": instance.market,
            "InstanceType": instance.instance_type,
            "PrivateDnsName": _PRIMARY_DNS_NAME,
            "PrivateIpAddress": "127.0.0.1",
            "Status": _instance_status(record, instance),
            member: collection.id,
        }


def instance_state(record: ClusterRecord) -> str:
    """Return the state of every instance of the cluster."""
    if record.is_ending:
        return "TERMINATED"
    return {"STARTING": "PROVISIONING", "BOOTSTRAPPING": "BOOTSTRAPPING"}.get(record.state, "RUNNING")


def _status(record: ClusterRecord) -> JsonObject:
    """Return the status of an instance, a group or a fleet."""
    reason = {"Code": "CLUSTER_TERMINATED", "Message": "Job flow terminated"} if record.is_ending else {}
    return {"State": instance_state(record), "StateChangeReason": reason, "Timeline": _timeline(record)}


def _instance_status(record: ClusterRecord, instance: Instance) -> JsonObject:
    """Return the status of an instance, which may be younger than its cluster, and may have gone before it."""
    status = _status(record)
    timeline = status["Timeline"] | {"CreationDateTime": instance.created_at}
    if record.ready_at is not None:
        timeline["ReadyDateTime"] = max(record.ready_at, instance.created_at)
    if instance.ended_at is None:
        return {**status, "Timeline": timeline}
    reason = {"Code": "INSTANCE_FLEET_RESIZE", "Message": "The instance fleet was resized"}
    timeline["EndDateTime"] = instance.ended_at
    return {"State": "TERMINATED", "StateChangeReason": reason, "Timeline": timeline}


def _timeline(record: ClusterRecord) -> JsonObject:
    return {"CreationDateTime": record.created_at, "ReadyDateTime": record.ready_at, "EndDateTime": record.ended_at}
