"""What the endpoint adds to moto's account: quotas of vCPUs, the role of Spot, and stacks that a change set makes."""

import json
import uuid

import pytest

from local_aws.account import QUOTAS
from tests.local_aws.conftest import Endpoint

# The condition is false: what it guards is left out.
TEMPLATE = {
    "Parameters": {"BucketName": {"Type": "String"}},
    "Conditions": {"Never": {"Fn::Equals": [{"Ref": "BucketName"}, ""]}},
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "BucketName"}}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Statement": []},
                "Policies": [
                    {"PolicyName": "always", "PolicyDocument": {"Statement": []}},
                    {"Fn::If": ["Never", {"PolicyName": "never", "PolicyDocument": {}}, {"Ref": "AWS::NoValue"}]},
                ],
            },
        },
    },
    "Outputs": {"Role": {"Value": {"Ref": "Role"}}},
}


@pytest.mark.parametrize("quota", QUOTAS)
def test_a_new_account_may_run_few_vcpus_until_it_asks_for_more(endpoint: Endpoint, quota: str) -> None:
    quotas = endpoint.client("service-quotas")
    before = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=quota)["Quota"]
    quotas.request_service_quota_increase(ServiceCode="ec2", QuotaCode=quota, DesiredValue=64.0)
    after = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=quota)["Quota"]
    assert (before["Value"], after["Value"], after["QuotaName"]) == (5.0, 64.0, QUOTAS[quota])
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-NOSUCH")


def test_the_role_of_spot_has_the_name_that_it_has_on_aws(endpoint: Endpoint) -> None:
    made = endpoint.client("iam").create_service_linked_role(AWSServiceName="spot.amazonaws.com")
    assert made["Role"]["RoleName"] == "AWSServiceRoleForEC2Spot"


def test_a_stack_that_a_change_set_makes_has_its_bucket_and_its_outputs_at_once(endpoint: Endpoint) -> None:
    name = f"stack-{uuid.uuid4().hex[:8]}"
    stacks = endpoint.client("cloudformation")
    stacks.create_change_set(
        StackName=name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "BucketName", "ParameterValue": name}],
    )
    stacks.execute_change_set(StackName=name, ChangeSetName="first")

    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert endpoint.client("iam").list_role_policies(RoleName=outputs["Role"])["PolicyNames"] == ["always"]
    endpoint.client("s3").put_object(Bucket=name, Key="a", Body=b"pear")
    assert (endpoint.root / name / "a").read_bytes() == b"pear"
