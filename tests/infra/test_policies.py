"""The evaluator of policies says what IAM says, and the policies let nobody touch what is not ours."""

import json
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.faults.permissions import CLUSTERS, asks
from tests.faults.proxy import Request
from tests.infra.policies import Ask, allowing
from tests.infra.stack import AIRFLOW, policy_of

TAG = "for-use-with-amazon-emr-managed-policies"
ANY = {"Action": "a:B", "Resource": "*"}
ASKED = {"elasticmapreduce:RequestTag/fruit-features:bucket": "pictures"}
OURS = {"elasticmapreduce:ResourceTag/fruit-features:bucket": "pictures"}


@pytest.mark.parametrize(
    ("statement", "ask", "is_allowed"),
    [
        ({"Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}, Ask("s3:GetObject", "arn:aws:s3:::b/x/y"), True),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}, Ask("s3:PutObject", "arn:aws:s3:::b/x"), False),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}, Ask("s3:GetObject", "arn:aws:s3:::bb/x"), False),
        ({**ANY, "Condition": {"StringEquals": {"k": ["v", "w"]}}}, Ask("a:B", "r", {"k": "w"}), True),
        ({**ANY, "Condition": {"StringEquals": {"k": "v"}}}, Ask("a:B", "r"), False),
        ({**ANY, "Condition": {"StringLike": {"k": "v*"}}}, Ask("a:B", "r", {"k": "vw"}), True),
        ({**ANY, "Condition": {"Bool": {"k": True}}}, Ask("a:B", "r", {"k": "false"}), False),
    ],
)
def test_a_statement_allows_what_it_names_under_its_conditions(
    statement: dict[str, Any], ask: Ask, is_allowed: bool
) -> None:
    allow = {"Effect": "Allow", **statement}
    assert bool(allowing([allow], ask)) is is_allowed
    assert not allowing([allow, {"Effect": "Deny", "Action": "*", "Resource": "*"}], ask)


def test_a_cluster_of_ours_is_made_used_and_ended() -> None:
    body = {"Tags": [{"Key": "fruit-features:bucket", "Value": "pictures"}], "AutoTerminationPolicy": {}}
    made = list(asks(Request("RunJobFlow", "/", json.dumps(body).encode()), "pictures"))
    calls = ("AddJobFlowSteps", "TerminateJobFlows")
    used = [Ask(f"elasticmapreduce:{name}", f"{CLUSTERS}j-1", OURS) for name in calls]

    assert [ask for ask in [*made, *used] if not allowing(policy_of(AIRFLOW, "pictures"), ask)] == []


@pytest.mark.parametrize(
    "ask",
    [
        Ask("elasticmapreduce:TerminateJobFlows", f"{CLUSTERS}j-1"),
        Ask("elasticmapreduce:AddTags", f"{CLUSTERS}j-1", ASKED),
        Ask("elasticmapreduce:RunJobFlow", f"{CLUSTERS}*"),
        Ask("s3:DeleteObject", "arn:aws:s3:::pictures/landing/apple/1.jpg"),
        Ask("s3:PutObject", "arn:aws:s3:::pictures/runs/r/features/part-0"),
        Ask("iam:PassRole", "arn:aws:iam::123456789012:role/Admin", {"iam:PassedToService": "ec2.amazonaws.com"}),
    ],
    ids=lambda ask: ask.action,
)
def test_what_belongs_to_others_is_denied(ask: Ask) -> None:
    assert not allowing(policy_of(AIRFLOW, "pictures"), ask)


@pytest.mark.parametrize("kind", ["subnet", "security-group"])
def test_emr_starts_machines_only_in_what_has_its_tag(kind: str) -> None:
    policy = json.loads(aws_managed_policies_data)["AmazonEMRServicePolicy_v2"]["Document"]["Statement"]
    tagged = {f"aws:ResourceTag/{TAG}": "true"}

    assert allowing(policy, Ask("ec2:RunInstances", f"arn:aws:ec2:eu-west-3:1:{kind}/one", tagged))
    assert not allowing(policy, Ask("ec2:RunInstances", f"arn:aws:ec2:eu-west-3:1:{kind}/one"))
