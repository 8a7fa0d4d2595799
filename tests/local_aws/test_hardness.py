"""The endpoint as hard as AWS: it throttles, misses answers, gives steps nothing, and knows processors."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emr_pipeline.emr.job_flow import ClusterChoice, instance_fleets
from local_aws.__main__ import parse_arguments
from local_aws.emr.node import offline
from local_aws.emr.state.instances import add_fleet, instance_collections
from local_aws.emr.state.processors import weakest_isa
from local_aws.emr.state.records import ClusterRecord
from local_aws.hardness import LIKE_AWS, Hardness
from tests.local_aws.conftest import REPOSITORY, Endpoint, endpoint_command
from tests.local_aws.emr.harness import LocalEmr, command_step

ONE_TRY = {"retries": {"total_max_attempts": 1}}


def parsed(*options: str) -> Hardness:
    command = endpoint_command(Path("/x"), 5600, Path("/x"))
    return parse_arguments([*command[3:], *options]).hardness


def test_like_aws_turns_everything_on_and_each_thing_can_be_set() -> None:
    assert parsed() == Hardness()
    assert parsed("--like", "aws") == LIKE_AWS
    assert parsed("--like", "aws", "--hard", "requests_per_s=7", "--hard", "region=eu-west-3") == Hardness(
        **vars(LIKE_AWS) | {"requests_per_s": 7, "region": "eu-west-3"}
    )


def test_the_readme_names_each_hardness_and_what_it_is_like_aws() -> None:
    text = (REPOSITORY / "local_aws" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE))

    assert rows == {name: str(value) or "none" for name, value in vars(LIKE_AWS).items()}


@pytest.mark.parametrize("setting", ["patience=3", "requests_per_s", "requests_per_s=many", "requests_per_s=-1"])
def test_a_hardness_that_is_not_there_is_refused(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--hard", setting)
    assert f"--hard {setting}: give" in capsys.readouterr().err


@pytest.mark.slow
def test_s3_throttles_who_asks_too_fast_and_nobody_later(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint("--hard", "requests_per_s=10")
    s3 = endpoint.client("s3", **ONE_TRY)
    with pytest.raises(ClientError, match="SlowDown") as refused:
        for _ in range(40):
            s3.list_buckets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503

    patient = endpoint.client("s3", retries={"mode": "adaptive", "max_attempts": 9})
    for _ in range(25):
        patient.list_buckets()


@pytest.mark.slow
def test_a_deletion_of_many_fails_for_single_keys_which_stay(new_endpoint: Callable[..., Endpoint]) -> None:
    s3 = new_endpoint("--hard", "deletion_errors=3").client("s3", **ONE_TRY)
    s3.create_bucket(Bucket="fruits")
    for key in "abcd":
        s3.put_object(Bucket="fruits", Key=key)

    answer = s3.delete_objects(Bucket="fruits", Delete={"Objects": [{"Key": key} for key in "abcd"]})

    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("c", "InternalError")]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="fruits")["Contents"]] == ["c"]


@pytest.mark.slow
def test_s3_refuses_what_is_signed_for_another_region(new_endpoint: Callable[..., Endpoint]) -> None:
    s3 = new_endpoint("--hard", "region=eu-west-3").client("s3", **ONE_TRY)
    with pytest.raises(ClientError, match="expecting 'eu-west-3'"):
        s3.list_objects_v2(Bucket="fruits")


def test_who_does_not_know_the_metadata_services_address_gets_nothing(endpoint: Endpoint) -> None:
    for path in ("latest/meta-data/iam/security-credentials/", "x/latest/meta-data/iam/security-credentials/"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{endpoint.url}/_local_aws/metadata/{path}", timeout=5)


def run_python(endpoint: Endpoint, code: str, *instance_types: str, **more: Any) -> str:
    """The stderr of a step that runs the code on a cluster of one fleet of core nodes."""
    emr = LocalEmr(endpoint.client("emr"), endpoint.root, endpoint.work)
    (endpoint.root / "logs").mkdir(exist_ok=True)
    cluster = emr.run(Instances={"InstanceGroups": None, "InstanceFleets": fleets(*instance_types)}, **more)
    (step,) = emr.add(cluster, command_step("python", "-c", code))
    emr.wait_for_step(cluster, step)
    emr.client.terminate_job_flows(JobFlowIds=[cluster])
    return emr.log(cluster, f"steps/{step}/stderr")


def fleets(*instance_types: str) -> list[dict[str, Any]]:
    types = [{"InstanceType": name, "WeightedCapacity": 1} for name in instance_types]
    return [
        {"InstanceFleetType": role, "TargetOnDemandCapacity": 1, "InstanceTypeConfigs": types}
        for role in ("MASTER", "CORE")
    ]


ASKS = """
import os, sys, boto3
given = [name for name in os.environ if name.startswith("AWS_") and ("KEY" in name or "REGION" in name)]
session = boto3.Session()
key = session.get_credentials()
print(given, session.region_name, key and key.method, file=sys.stderr)
if key:
    print(len(boto3.client("s3", region_name="eu-west-1").list_buckets()["Buckets"]), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_bare_step_finds_its_credentials_in_the_metadata_service_alone(
    new_endpoint: Callable[..., Endpoint],
) -> None:
    endpoint = new_endpoint("--hard", "bare_steps=1")
    assert run_python(endpoint, ASKS, "r6i.xlarge").splitlines() == ["[] None iam-role", "1"]


@pytest.mark.slow
def test_a_metadata_service_that_never_answers_leaves_a_step_without_credentials(
    new_endpoint: Callable[..., Endpoint],
) -> None:
    endpoint = new_endpoint("--hard", "bare_steps=1", "--hard", "metadata_misses=1")
    assert run_python(endpoint, ASKS, "r6i.xlarge").splitlines() == ["[] None None"]


LOOKS_AROUND = """
import boto3, socket, sys
print(len(boto3.client("s3").list_buckets()["Buckets"]), [name for _, name in socket.if_nameindex()], file=sys.stderr)
socket.create_connection(("127.0.0.1", {port}), 5)
"""


@pytest.mark.slow
def test_an_offline_step_reaches_the_endpoint_and_nothing_else(new_endpoint: Callable[..., Endpoint]) -> None:
    if not offline.is_possible():
        pytest.skip("this user may not make a network namespace by unshare")
    endpoint = new_endpoint("--hard", "offline_steps=1")
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = run_python(endpoint, LOOKS_AROUND.format(port=other.getsockname()[1]), "r6i.xlarge").splitlines()

    assert (said[0], said[-1]) == ("1 ['lo']", "ConnectionRefusedError: [Errno 111] Connection refused")


@pytest.mark.slow
def test_the_endpoint_says_at_its_end_how_often_it_was_hard(new_endpoint: Callable[..., Endpoint]) -> None:
    endpoint = new_endpoint("--hard", "requests_per_s=1")
    s3 = endpoint.client("s3", **ONE_TRY)
    s3.list_buckets()
    with pytest.raises(ClientError, match="SlowDown"):
        s3.list_buckets()
    endpoint.stop()

    assert "stopped; it was hard: requests_per_s 1 times" in endpoint.log_path.read_text()


@pytest.mark.slow
def test_openvino_has_bfloat16_on_the_fleets_of_a_run_and_none_next_to_r6i(
    new_endpoint: Callable[..., Endpoint], spark_env: Path
) -> None:
    if not list(spark_env.glob("lib/python*/site-packages/openvino")):
        pytest.skip("there is no OpenVINO: make setup")
    endpoint = new_endpoint("--hard", "processors=1")
    code = (
        "import sys, openvino; print(openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES'), file=sys.stderr)"
    )
    able = run_python(endpoint, code, "r7i.xlarge", "r6i.xlarge")
    assert "FP32" in able
    assert "BF16" not in able
    if "avx512_bf16" in Path("/proc/cpuinfo").read_text():
        choice = ClusterChoice.of({"cluster_size": "small", "precision": "bfloat16", "engine": "openvino"}, "us-east-1")
        types = {one["InstanceType"] for fleet in instance_fleets(choice) for one in fleet["InstanceTypeConfigs"]}
        assert "BF16" in run_python(endpoint, code, *types)


@pytest.mark.parametrize(
    ("instances", "isa"),
    [
        ({"InstanceFleets": fleets("r7i.xlarge", "r6i.xlarge")}, "AVX512_CORE_VNNI"),
        ({"InstanceFleets": fleets("r7i.xlarge", "r7i.2xlarge")}, ""),
        ({"InstanceGroups": [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge"}]}, "AVX512_CORE"),
        (
            {
                "InstanceGroups": [
                    {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge"},
                    {"InstanceRole": "CORE", "InstanceType": "r7i.xlarge"},
                ]
            },
            "",
        ),
        ({}, ""),
    ],
)
def test_steps_compute_as_the_weakest_node_that_computes(instances: dict[str, Any], isa: str) -> None:
    assert weakest_isa(ClusterRecord("j-1", "1", "us-east-1", {"Instances": instances}, [])) == isa


def test_where_there_is_no_spot_only_what_a_cluster_begins_with_is_switched_to_on_demand() -> None:
    switch = {"TimeoutDurationMinutes": 10, "TimeoutAction": "SWITCH_TO_ON_DEMAND"}
    task = {"InstanceFleetType": "TASK", "TargetSpotCapacity": 3}
    asked = {"LaunchSpecifications": {"SpotSpecification": switch}}
    fleets = [{"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1}, task | asked]
    record = ClusterRecord("j-1", "1", "eu-west-3", {"Instances": {"InstanceFleets": fleets}}, [], created_at=1000.0)

    switched = list(instance_collections(record, has_spot=False)[1].instances())

    assert [(one.market, one.created_at) for one in switched] == [("ON_DEMAND", 1600.0)] * 3
    assert [one.market for one in instance_collections(record)[1].instances()] == ["SPOT"] * 3
    del fleets[1]
    add_fleet(record, task | asked)
    assert list(instance_collections(record, has_spot=False)[1].instances()) == []
