"""Clusters, steps and bootstrap actions in the shapes of EMR's answers. Pure."""

from __future__ import annotations

from typing import Any

from local_aws.emr.state.records import ClusterRecord, JsonObject, StateChangeReason, StepRecord

PRIMARY_DNS_NAME = "ip-127-0-0-1.ec2.internal"


def without_none(**members: Any) -> JsonObject:
    """Leave out what has no value, as AWS does.

    >>> without_none(Id="j-1", Name=None)
    {'Id': 'j-1'}
    """
    return {name: value for name, value in members.items() if value is not None}


def cluster_description(record: ClusterRecord) -> JsonObject:
    request = record.request
    names = (
        "AutoScalingRole", "CustomAmiId", "EbsRootVolumeIops", "EbsRootVolumeSize", "EbsRootVolumeThroughput",
        "KerberosAttributes", "LogEncryptionKmsKeyId", "LogUri", "OSReleaseLabel", "ReleaseLabel",
        "RepoUpgradeOnBoot", "SecurityConfiguration", "ServiceRole",
    )  # fmt: skip
    return {
        **cluster_summary(record),
        **{name: request[name] for name in names if name in request},
        "Applications": request.get("Applications", []),
        "AutoTerminate": not record.keep_alive,
        "Configurations": request.get("Configurations", []),
        "Ec2InstanceAttributes": _ec2_attributes(record),
        "InstanceCollectionType": record.instance_collection_type,
        "MasterPublicDnsName": PRIMARY_DNS_NAME,
        "PlacementGroups": request.get("PlacementGroupConfigs", []),
        "ScaleDownBehavior": request.get("ScaleDownBehavior", "TERMINATE_AT_TASK_COMPLETION"),
        "StepConcurrencyLevel": record.step_concurrency_level,
        "Tags": [{"Key": key, "Value": value} for key, value in record.tags.items()],
        "TerminationProtected": record.termination_protected,
        "UnhealthyNodeReplacement": record.unhealthy_node_replacement,
        "VisibleToAllUsers": record.visible_to_all_users,
    }


def cluster_summary(record: ClusterRecord) -> JsonObject:
    """Return what ListClusters shows of a cluster."""
    status = {
        "State": record.state,
        "StateChangeReason": _reason(record.reason),
        "Timeline": timeline(record),
        "ErrorDetails": record.error_details,
    }
    return {
        "Id": record.id,
        "Name": record.request["Name"],
        "Status": status,
        "NormalizedInstanceHours": 0,
        "ClusterArn": record.arn,
    }


def timeline(record: ClusterRecord) -> JsonObject:
    """Return the timeline of a cluster and of its instances."""
    return without_none(CreationDateTime=record.created_at, ReadyDateTime=record.ready_at, EndDateTime=record.ended_at)


def step_description(step: StepRecord, log_uri: str | None, brief: bool = False) -> JsonObject:
    """Return what DescribeStep shows, or, with `brief`, what ListSteps shows: all but the role."""
    config = step.config["HadoopJarStep"]
    failure = step.failure and without_none(
        Reason=step.failure.reason, Message=step.failure.message, LogFile=step.failure.log_file
    )
    status = without_none(
        State=step.state,
        StateChangeReason=_reason(step.reason),
        FailureDetails=failure,
        Timeline=without_none(
            CreationDateTime=step.created_at, StartDateTime=step.started_at, EndDateTime=step.ended_at
        ),
    )
    return without_none(
        Id=step.id,
        Name=step.config["Name"],
        Config=without_none(
            Jar=config["Jar"],
            Properties={p["Key"]: p["Value"] for p in config.get("Properties", [])},
            MainClass=config.get("MainClass"),
            Args=config.get("Args", []),
        ),
        ActionOnFailure=step.action_on_failure,
        Status=status,
        ExecutionRoleArn=None if brief else step.config.get("ExecutionRoleArn"),
        LogUri=log_uri,
    )


def bootstrap_action_descriptions(record: ClusterRecord) -> list[JsonObject]:
    return [
        {
            "Name": action["Name"],
            "ScriptPath": action["ScriptBootstrapAction"]["Path"],
            "Args": action["ScriptBootstrapAction"].get("Args", []),
        }
        for action in record.request.get("BootstrapActions", [])
    ]


def _reason(reason: StateChangeReason) -> JsonObject:
    return without_none(Code=reason.code, Message=reason.message)


def _ec2_attributes(record: ClusterRecord) -> JsonObject:
    asked = record.request["Instances"]
    zone = asked.get("Placement", {}).get("AvailabilityZone", f"{record.region}a")
    subnets = asked.get("Ec2SubnetIds") or ([asked["Ec2SubnetId"]] if "Ec2SubnetId" in asked else [])
    return without_none(
        Ec2KeyName=asked.get("Ec2KeyName"),
        Ec2SubnetId=subnets[0] if subnets else None,
        RequestedEc2SubnetIds=subnets,
        Ec2AvailabilityZone=zone,
        RequestedEc2AvailabilityZones=asked.get("Placement", {}).get("AvailabilityZones", []),
        IamInstanceProfile=record.request.get("JobFlowRole"),
        EmrManagedMasterSecurityGroup=asked.get("EmrManagedMasterSecurityGroup"),
        EmrManagedSlaveSecurityGroup=asked.get("EmrManagedSlaveSecurityGroup"),
        ServiceAccessSecurityGroup=asked.get("ServiceAccessSecurityGroup"),
        AdditionalMasterSecurityGroups=asked.get("AdditionalMasterSecurityGroups", []),
        AdditionalSlaveSecurityGroups=asked.get("AdditionalSlaveSecurityGroups", []),
    )
