"""Instance groups and fleets: what was asked for, listed as EMR lists what it has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.emr.harness import LocalEmr

FLEETS: list[dict[str, Any]] = [
    {
        "InstanceFleetType": "MASTER",
        "TargetOnDemandCapacity": 1,
        "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
    },
    {
        "InstanceFleetType": "CORE",
        "Name": "workers",
        "TargetOnDemandCapacity": 5,
        "TargetSpotCapacity": 8,
        "InstanceTypeConfigs": [
            {"InstanceType": "r5.2xlarge", "WeightedCapacity": 4},
            {"InstanceType": "r5.xlarge", "WeightedCapacity": 2},
        ],
        "LaunchSpecifications": {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}},
    },
]


def fleet_cluster(local_emr: LocalEmr) -> str:
    cluster_id = local_emr.run(Instances={"InstanceGroups": None, "InstanceFleets": FLEETS})
    local_emr.wait_for_state(cluster_id, "WAITING")
    return cluster_id


def instances(local_emr: LocalEmr, cluster_id: str, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = local_emr.client.list_instances(ClusterId=cluster_id, **filters)["Instances"]
    return found


def test_groups_have_the_instances_that_were_asked_for(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    local_emr.wait_for_state(cluster_id, "WAITING")
    groups = {
        g["InstanceGroupType"]: g for g in local_emr.client.list_instance_groups(ClusterId=cluster_id)["InstanceGroups"]
    }
    assert groups["CORE"]["InstanceType"] == "m5.2xlarge" and groups["CORE"]["Market"] == "SPOT"
    assert {role: group["RunningInstanceCount"] for role, group in groups.items()} == {"MASTER": 1, "CORE": 2}
    assert Counter(
        (i["InstanceType"], i["Market"], i["Status"]["State"]) for i in instances(local_emr, cluster_id)
    ) == {
        ("m5.xlarge", "ON_DEMAND", "RUNNING"): 1,
        ("m5.2xlarge", "SPOT", "RUNNING"): 2,
    }
    core = instances(local_emr, cluster_id, InstanceGroupTypes=["CORE"])
    assert core == instances(local_emr, cluster_id, InstanceGroupId=groups["CORE"]["Id"]) and len(core) == 2
    assert instances(local_emr, cluster_id, InstanceStates=["TERMINATED"]) == []
    assert local_emr.cluster(cluster_id)["InstanceCollectionType"] == "INSTANCE_GROUP"


def test_the_short_form_makes_a_primary_and_a_core_group(local_emr: LocalEmr) -> None:
    short = {
        "InstanceGroups": None,
        "MasterInstanceType": "m5.xlarge",
        "SlaveInstanceType": "c5.xlarge",
        "InstanceCount": 3,
    }
    cluster_id = local_emr.run(Instances=short)
    found = Counter(i["InstanceType"] for i in instances(local_emr, cluster_id))
    assert found == {"m5.xlarge": 1, "c5.xlarge": 2}


def test_fleets_have_instances_for_their_capacity(local_emr: LocalEmr) -> None:
    cluster_id = fleet_cluster(local_emr)
    fleets = {
        f["InstanceFleetType"]: f for f in local_emr.client.list_instance_fleets(ClusterId=cluster_id)["InstanceFleets"]
    }
    core = fleets["CORE"]
    assert (core["Name"], core["Status"]["State"]) == ("workers", "RUNNING")
    assert (core["ProvisionedOnDemandCapacity"], core["ProvisionedSpotCapacity"]) == (5, 8)
    assert [t["WeightedCapacity"] for t in core["InstanceTypeSpecifications"]] == [4, 2]
    assert core["LaunchSpecifications"] == FLEETS[1]["LaunchSpecifications"]
    in_core = instances(local_emr, cluster_id, InstanceFleetType="CORE")
    assert Counter(i["Market"] for i in in_core) == {"ON_DEMAND": 2, "SPOT": 2}
    assert {i["InstanceFleetId"] for i in in_core} == {core["Id"]}
    assert local_emr.cluster(cluster_id)["InstanceCollectionType"] == "INSTANCE_FLEET"


def test_the_instances_of_an_ended_cluster_are_terminated(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    assert {i["Status"]["State"] for i in instances(local_emr, cluster_id)} == {"TERMINATED"}
    groups = local_emr.client.list_instance_groups(ClusterId=cluster_id)["InstanceGroups"]
    assert {g["RunningInstanceCount"] for g in groups} == {0}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"InstanceFleets": FLEETS}, "mutually exclusive"),
        ({"InstanceGroups": None, "InstanceFleets": FLEETS[1:]}, "exactly one instance group or fleet for the primary"),
        (
            {"InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 2}]},
            "must have 1 instance, or 3",
        ),
        (
            {"InstanceGroups": None, "InstanceFleets": [FLEETS[0], {"InstanceFleetType": "CORE"}]},
            "needs a target capacity",
        ),
    ],
)
def test_instances_that_cannot_be_are_refused(local_emr: LocalEmr, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        local_emr.run(Instances=asked)


def test_groups_are_not_asked_of_a_cluster_with_fleets(local_emr: LocalEmr) -> None:
    cluster_id = fleet_cluster(local_emr)
    with pytest.raises(ClientError, match="mutually exclusive"):
        local_emr.client.list_instance_groups(ClusterId=cluster_id)


TASK: dict[str, Any] = {
    "InstanceFleetType": "TASK",
    "TargetSpotCapacity": 3,
    "InstanceTypeConfigs": [{"InstanceType": "r5.xlarge", "WeightedCapacity": 1}],
}


def test_a_task_fleet_comes_while_the_cluster_runs_and_goes_before_it(local_emr: LocalEmr) -> None:
    cluster_id, client = fleet_cluster(local_emr), local_emr.client
    fleet_id = client.add_instance_fleet(ClusterId=cluster_id, InstanceFleet=TASK)["InstanceFleetId"]
    came = instances(local_emr, cluster_id, InstanceFleetId=fleet_id)

    client.modify_instance_fleet(
        ClusterId=cluster_id, InstanceFleet={"InstanceFleetId": fleet_id, "TargetSpotCapacity": 1}
    )

    assert [(one["Market"], one["Status"]["State"]) for one in came] == [("SPOT", "RUNNING")] * 3
    began = local_emr.cluster(cluster_id)["Status"]["Timeline"]["ReadyDateTime"]
    assert all(one["Status"]["Timeline"]["CreationDateTime"] >= began for one in came)
    now = instances(local_emr, cluster_id, InstanceFleetId=fleet_id)
    assert [one["Id"] for one in now] == [one["Id"] for one in came]
    ends = [one["Status"]["Timeline"].get("EndDateTime") for one in now]
    assert [one["Status"]["State"] for one in now] == ["RUNNING", "TERMINATED", "TERMINATED"]
    assert [bool(end) for end in ends] == [False, True, True]
    fleets = {each["Id"]: each for each in client.list_instance_fleets(ClusterId=cluster_id)["InstanceFleets"]}
    assert (fleets[fleet_id]["TargetSpotCapacity"], fleets[fleet_id]["ProvisionedSpotCapacity"]) == (1, 1)


def test_a_second_task_fleet_a_core_fleet_and_an_unknown_one_are_refused(local_emr: LocalEmr) -> None:
    cluster_id, client = fleet_cluster(local_emr), local_emr.client
    client.add_instance_fleet(ClusterId=cluster_id, InstanceFleet=TASK)

    for fleet in (TASK, TASK | {"InstanceFleetType": "CORE"}):
        with pytest.raises(ClientError, match="takes one instance fleet more"):
            client.add_instance_fleet(ClusterId=cluster_id, InstanceFleet=fleet)
    with pytest.raises(ClientError, match="if-NONE"):
        client.modify_instance_fleet(ClusterId=cluster_id, InstanceFleet={"InstanceFleetId": "if-NONE"})
