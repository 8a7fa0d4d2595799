"""The stack as moto's CloudFormation deploys the template: its network and its keys."""

import ast
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.kms.models import kms_backends

from tests.infra.stack import ACCOUNT, REGION, deployed

TAG = {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}


@pytest.fixture(scope="module")
def outputs() -> Iterator[dict[str, str]]:
    with deployed("pictures") as outputs:
        yield outputs


def groups(outputs: dict[str, str]) -> list[dict[str, Any]]:
    """The groups of the primary node, of the other nodes and of service access."""
    ids = outputs["SecurityGroupIds"].split(",")
    found = boto3.client("ec2", region_name=REGION).describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return sorted((dict(group) for group in found), key=lambda group: ids.index(group["GroupId"]))


def ingress(group: dict[str, Any]) -> set[tuple[str, int, int, str]]:
    return {
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], pair["GroupId"])
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
    }


def test_emr_may_use_the_groups_of_its_clusters(outputs: dict[str, str]) -> None:
    assert [TAG in group["Tags"] for group in groups(outputs)] == [True, True, True]


def test_the_groups_have_the_rules_that_emr_gives_its_own_in_private_subnets(outputs: dict[str, str]) -> None:
    primary, nodes, service = (group["GroupId"] for group in groups(outputs))
    everything = [("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1)]
    inside = {(*ports, source) for ports in everything for source in (primary, nodes)}

    of_primary, of_nodes, of_service = (ingress(group) for group in groups(outputs))

    assert of_primary == of_nodes == inside | {("tcp", 8443, 8443, service)}
    assert of_service == {("tcp", 9443, 9443, primary)}
    assert not [rule for group in groups(outputs) for rule in group["IpPermissions"] if rule["IpRanges"]]


def test_s3_is_reached_without_a_nat_gateway_where_route_tables_are_given(outputs: dict[str, str]) -> None:
    (endpoint,) = boto3.client("ec2", region_name=REGION).describe_vpc_endpoints()["VpcEndpoints"]

    assert (endpoint["VpcEndpointType"], endpoint["ServiceName"]) == ("Gateway", f"com.amazonaws.{REGION}.s3")
    assert len(endpoint["RouteTableIds"]) == 1


def test_the_role_of_spot_may_use_the_key_of_the_disks(outputs: dict[str, str]) -> None:
    (key,) = kms_backends[ACCOUNT][REGION].keys.values()
    document: Any = key.policy
    spot = [statement for statement in document["Statement"] if statement["Principal"] == {"AWS": "*"}]
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"

    assert [statement["Condition"]["ArnEquals"]["aws:PrincipalArn"] for statement in spot] == [role, role]
    assert spot[1]["Action"] == "kms:CreateGrant"
    assert spot[1]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": True}


def test_nodes_may_read_weights_elsewhere_and_decrypt_with_the_keys_that_are_given(outputs: dict[str, str]) -> None:
    iam: Any = boto3.client("iam", region_name=REGION)
    profile = iam.get_instance_profile(InstanceProfileName=outputs["InstanceProfile"])["InstanceProfile"]
    role = profile["Roles"][0]["RoleName"]

    def statements(name: str) -> list[dict[str, Any]]:
        # moto keeps the document as the text of a dictionary.
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return list(ast.literal_eval(document)["Statement"])

    assert "arn:aws:s3:::our-weights/*" in [one["Resource"] for one in statements("weights-bucket")]
    (decrypting,) = statements("keys")
    assert (decrypting["Action"], len(decrypting["Resource"])) == ("kms:Decrypt", 2)
