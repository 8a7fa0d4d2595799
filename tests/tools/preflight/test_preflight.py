"""What `make preflight` says of an account: of one that is ready, and of one in which a single thing is missing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emr_pipeline.run.code_bundle import gather_code
from emr_pipeline.run.stages import STAGES
from emr_pipeline.run.wheels import node_pins, wheels_key
from local_aws import account as moto_account
from tests.infra.stack import REGION, deployed
from tools.env.mwaa_bundle import stack_settings
from tools.local.home import REPOSITORY
from tools.preflight import main as preflight
from tools.preflight.account import Account, PreflightError
from tools.preflight.finding import Finding
from tools.preflight.quotas import QUOTAS

TAG = [{"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}]
Outputs = dict[str, str]


def client(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)


def subnet_of(outputs: Outputs) -> str:
    return outputs["SubnetIds"]


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outputs]:
    """The outputs of a stack in an account in which a run can work."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    moto_account.install()
    with deployed("pictures") as outputs:
        client("ec2").create_tags(Resources=[subnet_of(outputs)], Tags=TAG)
        iam = client("iam")
        iam.create_service_linked_role(AWSServiceName="spot.amazonaws.com")
        iam.create_role(RoleName="airflow", AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName="airflow", PolicyArn=outputs["AirflowPolicyArn"])
        for code, _ in QUOTAS.values():
            ask_for_vcpus(code, 100)
        put_code(outputs)
        put_wheels()
        put_weights()
        yield outputs


def ask_for_vcpus(code: str, vcpus: float) -> None:
    client("service-quotas").request_service_quota_increase(ServiceCode="ec2", QuotaCode=code, DesiredValue=vcpus)


def put_code(outputs: Outputs) -> None:
    uri = stack_settings(outputs)["FRUIT_FEATURES_CODE_URI"].removeprefix("s3://pictures/")
    for name, content in gather_code(REPOSITORY, [stage.name for stage in STAGES]).files.items():
        client("s3").put_object(Bucket="pictures", Key=f"{uri}/{name}", Body=content)


def put_wheels() -> None:
    lock = (REPOSITORY / "bootstrap" / "requirements.txt").read_bytes()
    for pin in node_pins(lock):
        name = f"{pin.name.replace('-', '_')}-{pin.version}-py3-none-any.whl"
        client("s3").put_object(Bucket="pictures", Key=f"wheels/{wheels_key(lock)}/{name}", Body=b"")


def remove_a_wheel() -> None:
    (first, *_) = client("s3").list_objects_v2(Bucket="pictures", Prefix="wheels/")["Contents"]
    client("s3").delete_object(Bucket="pictures", Key=first["Key"])


def put_weights() -> None:
    pointer = {"uri": "s3://pictures/models/one.h5", "sha256": "1" * 64}
    client("s3").put_object(Bucket="pictures", Key="models/one.h5", Body=b"weights")
    client("s3").put_object(
        Bucket="pictures", Key="models/mobilenet_v2-imagenet.json", Body=json.dumps(pointer).encode()
    )


def asked(outputs: Outputs, tmp_path: Path, **environment: str) -> dict[str, Finding]:
    account = Account.opened(written(outputs, tmp_path), environment)
    return {found.subject: found for question in preflight.QUESTIONS for found in preflight.asked(question, account)}


def written(outputs: Outputs, folder: Path) -> Path:
    said = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    (folder / "stack.json").write_text(json.dumps({"Stacks": [{"Outputs": said}]}))
    return folder / "stack.json"


def to_do(findings: dict[str, Finding]) -> dict[str, str]:
    return {subject: "\n".join(found.commands) for subject, found in findings.items() if found.commands}


def test_an_account_that_is_ready_is_ok_in_every_line(
    ready: Outputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.main([str(written(ready, tmp_path))]) == 0

    table = capsys.readouterr().out.splitlines()
    assert table[-1] == f"all {len(table) - 1} are ok"
    assert table[0].split()[:3] == ["account", "ok", "123456789012"]
    assert any("gateway endpoint" in line for line in table)


Break = Callable[[Outputs], object]


def detach(outputs: Outputs) -> None:
    client("iam").detach_role_policy(RoleName="airflow", PolicyArn=outputs["AirflowPolicyArn"])


def end_endpoints(outputs: Outputs) -> None:
    ec2 = client("ec2")
    ids = [one["VpcEndpointId"] for one in ec2.describe_vpc_endpoints()["VpcEndpoints"]]
    ec2.delete_vpc_endpoints(VpcEndpointIds=ids)


def change_code(outputs: Outputs) -> None:
    uri = stack_settings(outputs)["FRUIT_FEATURES_CODE_URI"].removeprefix("s3://pictures/")
    client("s3").put_object(Bucket="pictures", Key=f"{uri}/bootstrap/99_mine.sh", Body=b"")


def empty_profile(outputs: Outputs) -> None:
    (role,) = client("iam").get_instance_profile(InstanceProfileName=outputs["InstanceProfile"])["InstanceProfile"][
        "Roles"
    ]
    client("iam").remove_role_from_instance_profile(
        InstanceProfileName=outputs["InstanceProfile"], RoleName=role["RoleName"]
    )


def untag(outputs: Outputs, things: str) -> None:
    client("ec2").delete_tags(Resources=outputs[things].split(","), Tags=TAG)


def remove_weights(name: str) -> None:
    client("s3").delete_object(Bucket="pictures", Key=f"models/{name}")


BROKEN: tuple[tuple[Break, str, str], ...] = (
    (change_code, "code", "aws s3 sync --delete .local/mwaa/code/"),
    (lambda _: remove_a_wheel(), "wheels", "aws s3 sync .local/wheels/ s3://pictures/wheels/"),
    (lambda _: remove_weights("one.h5"), "weights", "stage_weights.py mobilenet_v2 s3://pictures/models"),
    (
        lambda _: client("iam").delete_role(RoleName="AWSServiceRoleForEC2Spot"),
        "role of Spot",
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    (detach, "rights of Airflow", "aws iam attach-role-policy"),
    (empty_profile, "role of the nodes", "aws cloudformation deploy"),
    (
        lambda outputs: client("emr").delete_security_configuration(Name=outputs["SecurityConfiguration"]),
        "security",
        "aws cloudformation deploy",
    ),
    (lambda outputs: untag(outputs, "SubnetIds"), "subnets", "aws ec2 create-tags"),
    (end_endpoints, "way to S3", "aws ec2 create-vpc-endpoint --vpc-id vpc-"),
    (lambda outputs: untag(outputs, "SecurityGroupIds"), "security groups", "aws ec2 create-tags"),
    (lambda _: ask_for_vcpus("L-1216C47A", 11), "vCPUs on demand", "--desired-value 20"),
)


def test_what_is_missing_is_named_with_the_command_that_mends_it(ready: Outputs, tmp_path: Path) -> None:
    for breaks, _, _ in BROKEN:
        breaks(ready)

    found = to_do(asked(ready, tmp_path, FRUIT_FEATURES_CLUSTER_SIZE="medium"))

    assert sorted(found) == sorted(subject for _, subject, _ in BROKEN)
    assert [subject for _, subject, command in BROKEN if command not in found[subject]] == []


def test_params_that_do_not_go_together_are_named_before_a_run(ready: Outputs, tmp_path: Path) -> None:
    changed = {"FRUIT_FEATURES_BACKBONE": "file", "FRUIT_FEATURES_PRECISION": "mixed"}

    found = to_do(asked(ready, tmp_path, **changed))

    assert found["params"].startswith("unset FRUIT_FEATURES_BACKBONE FRUIT_FEATURES_PRECISION")
    assert found["weights"] == "export FRUIT_FEATURES_WEIGHTS=s3://<bucket>/<key>"


def test_weights_that_nobody_staged_are_to_be_staged_before_a_run(ready: Outputs, tmp_path: Path) -> None:
    remove_weights("mobilenet_v2-imagenet.json")
    (command,) = to_do(asked(ready, tmp_path)).values()
    assert command.endswith("stage_weights.py mobilenet_v2 s3://pictures/models")


def test_the_quotas_are_compared_with_the_size_that_the_deployment_asks_for(ready: Outputs, tmp_path: Path) -> None:
    ask_for_vcpus("L-34B43A08", 16)
    assert to_do(asked(ready, tmp_path, FRUIT_FEATURES_CLUSTER_SIZE="medium")) == {}

    (command,) = to_do(asked(ready, tmp_path, FRUIT_FEATURES_CLUSTER_SIZE="large")).values()
    assert command.endswith("--quota-code L-34B43A08 --desired-value 64")


def test_what_the_credentials_may_not_ask_is_not_taken_for_granted(tmp_path: Path) -> None:
    def network(account: Account) -> Iterator[Finding]:
        yield Finding("subnets", "two")
        raise ClientError({"Error": {"Code": "UnauthorizedOperation"}}, "DescribeVpcEndpoints")

    account = Account.opened(None, {"FRUIT_FEATURES_REGION": REGION})
    first, second = preflight.asked(network, account)
    assert first.state == "ok"
    assert (second.subject, second.state, "DescribeVpcEndpoints" in second.text) == ("network", "to do", True)


def test_an_empty_account_is_all_to_do_and_each_line_has_a_command(
    ready: Outputs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRUIT_FEATURES_REGION", "eu-central-1")
    monkeypatch.setenv("FRUIT_FEATURES_BUCKET", "not-there")
    monkeypatch.setenv("FRUIT_FEATURES_CODE_URI", "s3://not-there/code/1")
    assert preflight.main([]) == 1

    text = capsys.readouterr().out
    subjects = ("bucket", "code", "weights", "role of EMR", "subnets", "vCPUs on demand")
    assert [subject for subject in subjects if f"{subject:<17}  to do" not in text] == []
    assert "aws cloudformation deploy" in text


def test_a_wrong_setting_is_refused_by_name() -> None:
    with pytest.raises(PreflightError, match="FRUIT_FEATURES_BUCKET='s3://x'"):
        Account.opened(None, {"FRUIT_FEATURES_BUCKET": "s3://x"})
