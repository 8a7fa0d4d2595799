"""The CloudFormation template: accepted by cfn-lint, closed to the public, and no wider than the project needs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE_PATH = REPOSITORY / "infra" / "fruit-features.yaml"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, as {function: argument}."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    raise TypeError(node)


Loader.add_multi_constructor("!", _function)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE_PATH.read_text(encoding="utf-8"), Loader)
    return loaded


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [statement for statement in document["Statement"] if "Effect" in statement]


def allowed(template: dict[str, Any], resource: str) -> list[dict[str, Any]]:
    properties = template["Resources"][resource]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", []) if "PolicyDocument" in policy]
    return [statement for document in documents or [properties["PolicyDocument"]] for statement in statements(document)]


def actions(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


@pytest.mark.slow
def test_cfn_lint_accepts_it() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", TEMPLATE_PATH], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_bucket_is_versioned_private_kept_and_reached_by_tls_alone(template: dict[str, Any]) -> None:
    bucket = template["Resources"]["Bucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["Properties"]["PublicAccessBlockConfiguration"]) == 4
    (tls,) = statements(template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"])
    assert (tls["Effect"], tls["Action"], tls["Principal"]) == ("Deny", "s3:*", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_was_deleted_leaves_nothing_behind_once_its_versions_have_expired(template: dict[str, Any]) -> None:
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (former,) = [rule for rule in rules if "NoncurrentVersionExpiration" in rule]
    assert former["ExpiredObjectDeleteMarker"] is True
    assert "Prefix" not in former


def test_who_reads_and_writes_is_logged_where_a_bucket_for_that_is_given(template: dict[str, Any]) -> None:
    condition, logging, otherwise = template["Resources"]["Bucket"]["Properties"]["LoggingConfiguration"]["If"]
    assert template["Conditions"][condition] == {"Not": [{"Equals": [{"Ref": "AccessLogBucketName"}, ""]}]}
    assert logging["DestinationBucketName"] == {"Ref": "AccessLogBucketName"}
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_no_cluster_may_delete_for_good(template: dict[str, Any]) -> None:
    granted = [action for statement in allowed(template, "NodeRole") for action in actions(statement)]
    assert "s3:DeleteObjectVersion" not in granted
    assert not [action for action in granted if action.endswith("*")]


def test_nothing_is_allowed_everywhere_but_what_conditions_narrow_down(template: dict[str, Any]) -> None:
    wide = {
        action
        for resource in ("NodeRole", "ServiceRole", "AirflowPolicy")
        for statement in allowed(template, resource)
        for action in actions(statement)
        if statement["Resource"] == "*" and "Condition" not in statement
    }
    assert wide == {"elasticmapreduce:ListClusters"}
    everything = [actions(s) for r in ("NodeRole", "ServiceRole", "AirflowPolicy") for s in allowed(template, r)]
    assert not [action for some in everything for action in some if action.endswith(":*")]


def test_roles_are_passed_by_name_and_to_their_services_alone(template: dict[str, Any]) -> None:
    passing = [s for s in allowed(template, "AirflowPolicy") if "iam:PassRole" in actions(s)]
    assert [(s["Resource"], s["Condition"]["StringLike"]["iam:PassedToService"]) for s in passing] == [
        ({"GetAtt": "ServiceRole.Arn"}, "elasticmapreduce.amazonaws.com*"),
        ({"GetAtt": "NodeRole.Arn"}, "ec2.amazonaws.com*"),
    ]


def on_objects(template: dict[str, Any], role: str, action: str) -> set[str]:
    return {
        resource["Sub"].partition("/")[2]
        for statement in allowed(template, role)
        if action in actions(statement)
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], dict) else statement["Resource"])
    }


def test_clusters_write_runs_vectors_weights_and_logs_and_nothing_that_readers_follow(template: dict[str, Any]) -> None:
    assert on_objects(template, "NodeRole", "s3:PutObject") == {"runs/*", "feature_store/*", "models/*", "logs/*"}
    assert on_objects(template, "NodeRole", "s3:DeleteObject") == {"runs/*", "feature_store/*"}


def test_airflow_publishes_and_removes_runs_and_deletes_nothing_else(template: dict[str, Any]) -> None:
    written = {"code/*", "costs/*", "published/*", "landed/*", "messages/*"}
    assert on_objects(template, "AirflowPolicy", "s3:PutObject") == written
    assert on_objects(template, "AirflowPolicy", "s3:DeleteObject") == {"runs/*"}


def test_clusters_have_imdsv2_and_encrypted_disks(template: dict[str, Any]) -> None:
    configuration = template["Resources"]["SecurityConfiguration"]["Properties"]["SecurityConfiguration"]
    assert configuration["InstanceMetadataServiceConfiguration"]["MinimumInstanceMetadataServiceVersion"] == 2
    assert configuration["EncryptionConfiguration"]["EnableAtRestEncryption"] is True


def test_airflow_may_make_every_call_that_the_plugins_make(template: dict[str, Any]) -> None:
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "plugins").rglob("*.py"))
    calls = set(
        re.findall(
            r"(?<!emr_pipeline\.)\b(?:emr|client)\.((?:describe|list|cancel|terminate|add|run|put|modify)_\w+)", sources
        )
    )
    assert calls >= {"describe_cluster", "describe_step", "cancel_steps", "terminate_job_flows"}
    # Called by hooks and by paginators.
    others = {"runjobflow", "addjobflowsteps", "listclusters", "listinstancefleets", "listinstances", "liststeps"}
    named = {call.replace("_", "") for call in calls} | others
    granted = {a.partition(":")[2].lower() for s in allowed(template, "AirflowPolicy") for a in actions(s)}
    assert named - granted == set()
    of_emr = {a for s in allowed(template, "AirflowPolicy") for a in actions(s) if a.startswith("elasticmapreduce:")}
    # RunJobFlow asks for the last two, for the policies in its request.
    rest = {action.partition(":")[2].lower() for action in of_emr} - named
    assert rest == {"putautoterminationpolicy", "putmanagedscalingpolicy"}


def test_what_lands_reaches_the_queue_and_s3_of_this_bucket_alone_may_write_there(template: dict[str, Any]) -> None:
    bucket, policy = template["Resources"]["Bucket"], template["Resources"]["LandingQueuePolicy"]
    told = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert {one["Event"] for one in told} == {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
    for one in told:
        assert one["Queue"] == {"GetAtt": "LandingQueue.Arn"}
        assert one["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "landing/"}]
    # Else S3 would refuse the bucket's settings, now and then.
    assert bucket["DependsOn"] == "LandingQueuePolicy"
    allow, tls = statements(policy["Properties"]["PolicyDocument"])
    assert (allow["Principal"], allow["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert allow["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Sub": "arn:${AWS::Partition}:s3:::${BucketName}"}},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert (tls["Effect"], tls["Action"]) == ("Deny", "sqs:*")


def test_airflow_listens_to_the_queue_and_writes_its_signal(template: dict[str, Any]) -> None:
    (listening,) = [s for s in allowed(template, "AirflowPolicy") if "sqs:ReceiveMessage" in actions(s)]
    assert (set(actions(listening)), listening["Resource"]) == (
        {"sqs:ReceiveMessage", "sqs:DeleteMessage"},
        {"GetAtt": "LandingQueue.Arn"},
    )
    (writing,) = [s for s in allowed(template, "AirflowPolicy") if "s3:PutObject" in actions(s)]
    assert {"Sub": "${Bucket.Arn}/landed/*"} in writing["Resource"]


def test_airflow_tells_people_by_one_encrypted_topic_and_by_tls_alone(template: dict[str, Any]) -> None:
    (telling,) = [s for s in allowed(template, "AirflowPolicy") if "sns:Publish" in actions(s)]
    assert telling["Resource"] == {"Ref": "MessagesTopic"}
    assert telling["Condition"] == {"Bool": {"aws:SecureTransport": "true"}}
    assert template["Resources"]["MessagesTopic"]["Properties"] == {"KmsMasterKeyId": "alias/aws/sns"}


def test_the_outputs_are_the_settings(template: dict[str, Any]) -> None:
    script = (REPOSITORY / "infra" / "mwaa" / "startup.sh").read_text(encoding="utf-8")
    exported = dict(re.findall(r'^export (FRUIT_FEATURES_\w+)="@(\w+)@"$', script, re.MULTILINE))
    assert exported.pop("FRUIT_FEATURES_CODE_URI") == "CodeUri"
    described = {name: output["Description"] for name, output in template["Outputs"].items()}
    assert {setting: described[output] for setting, output in exported.items()} == {name: name for name in exported}
