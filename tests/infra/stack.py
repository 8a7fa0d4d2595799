"""The stack as moto's CloudFormation deploys the template, for tests that look at what was made."""

import ast
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT

TEMPLATE_PATH = Path(__file__).resolve().parents[2] / "infra" / "fruit-features.yaml"
REGION = "eu-west-3"
ANY_BUCKET = "any-bucket"
AIRFLOW, NODES = "Airflow", "nodes"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:messages"
"""What the topic of messages is called here; the stack gives it another name each time."""


@contextmanager
def deployed(bucket: str) -> Iterator[dict[str, str]]:
    """The outputs of the stack, while it is there."""
    with mock_aws(), warnings.catch_warnings():
        # moto has no policies of buckets and queues; the tests of the template look at those.
        warnings.simplefilter("ignore")
        ec2: Any = boto3.client("ec2", region_name=REGION)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        parameters = {
            "BucketName": bucket,
            "VpcId": vpc,
            "SubnetIds": ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"],
            "RouteTableIds": _route_table(ec2, vpc),
            # With all of them: moto takes a policy that is left out by a condition for an empty one.
            "SourceBucketName": "our-photographs",
            "WeightsBucketName": "our-weights",
            "ReadKeyArns": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/one,arn:aws:kms:{REGION}:{ACCOUNT}:key/two",
        }
        stacks: Any = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(
            StackName="fruit-features",
            TemplateBody=TEMPLATE_PATH.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = stacks.describe_stacks()["Stacks"]
        yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _route_table(ec2: Any, vpc: str) -> str:
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return str(table["RouteTableId"])


def policy_of(who: str, bucket: str) -> list[dict[str, Any]]:
    """The statements of the policies for Airflow's role or for that of the nodes, with everything filled in."""
    return list(json.loads(_policies_of_any_bucket()[who].replace(ANY_BUCKET, bucket)))


@cache
def _policies_of_any_bucket() -> dict[str, str]:
    with deployed(ANY_BUCKET) as outputs:
        iam: Any = boto3.client("iam", region_name=REGION)
        version = iam.get_policy_version(PolicyArn=outputs["AirflowPolicyArn"], VersionId="v1")
        profile = iam.get_instance_profile(InstanceProfileName=outputs["InstanceProfile"])["InstanceProfile"]
        role = profile["Roles"][0]["RoleName"]
        documents = {
            AIRFLOW: [version["PolicyVersion"]["Document"]],
            NODES: [
                iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
            ],
        }
        texts = {
            who: json.dumps([statement for document in found for statement in _read(document)["Statement"]])
            for who, found in documents.items()
        }
        return {who: text.replace(outputs["MessagesTopicArn"], TOPIC) for who, text in texts.items()}


def _read(document: Any) -> Any:
    # moto keeps some documents as the text of a dictionary.
    return ast.literal_eval(document) if isinstance(document, str) else document
