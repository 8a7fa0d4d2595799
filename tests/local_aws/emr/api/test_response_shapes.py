"""Every answer has the members and types of botocore's own service model, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.validate import ParamValidator

from local_aws.emr.api.responses import MOTO_OPERATIONS, OPERATIONS
from tests.local_aws.emr.harness import LocalEmr, bash_step, job_flow

FLEET = {
    "InstanceFleetType": "MASTER",
    "TargetOnDemandCapacity": 1,
    "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
}
SECURITY = {"Name": "at-rest", "SecurityConfiguration": "{}"}

# Each row may use what the rows before it have left; {c} is the cluster, {f} one with fleets, {i} the first of those,
# {s} a failed step.
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("RunJobFlow", job_flow(name="shapes")),
    ("DescribeCluster", {"ClusterId": "{c}"}),
    ("DescribeCluster", {"ClusterId": "{f}"}),
    ("ListClusters", {}),
    ("AddJobFlowSteps", {"JobFlowId": "{c}", "Steps": [bash_step("true")]}),
    ("DescribeStep", {"ClusterId": "{c}", "StepId": "{s}"}),
    ("ListSteps", {"ClusterId": "{c}"}),
    ("CancelSteps", {"ClusterId": "{c}", "StepIds": ["{s}"]}),
    ("ListInstances", {"ClusterId": "{c}"}),
    ("ListInstances", {"ClusterId": "{f}"}),
    ("ListInstanceGroups", {"ClusterId": "{c}"}),
    ("ListInstanceFleets", {"ClusterId": "{f}"}),
    ("AddInstanceFleet", {"ClusterId": "{f}", "InstanceFleet": FLEET | {"InstanceFleetType": "TASK"}}),
    ("ModifyInstanceFleet", {"ClusterId": "{f}", "InstanceFleet": {"InstanceFleetId": "{i}"}}),
    ("SetTerminationProtection", {"JobFlowIds": ["{c}"], "TerminationProtected": False}),
    ("CreateSecurityConfiguration", SECURITY),
    ("DescribeSecurityConfiguration", {"Name": "at-rest"}),
    ("DeleteSecurityConfiguration", {"Name": "at-rest"}),
    (
        "PutBlockPublicAccessConfiguration",
        {"BlockPublicAccessConfiguration": {"BlockPublicSecurityGroupRules": True}},
    ),
    ("GetBlockPublicAccessConfiguration", {}),
    ("ListReleaseLabels", {}),
    ("ListSupportedInstanceTypes", {"ReleaseLabel": "emr-6.10.0"}),
    ("TerminateJobFlows", {"JobFlowIds": ["{f}"]}),
    ("DescribeCluster", {"ClusterId": "{f}"}),
]


@pytest.fixture
def raw_bodies(local_emr: LocalEmr) -> list[bytes]:
    """The answers as they come over the wire, before botocore drops what it does not know."""
    bodies: list[bytes] = []
    local_emr.client.meta.events.register(
        "before-parse.emr", lambda response_dict, **_: bodies.append(response_dict["body"])
    )
    return bodies


def test_every_operation_has_a_row() -> None:
    assert {name for name, _ in REQUESTS} == {*OPERATIONS, *MOTO_OPERATIONS}


def test_every_answer_has_its_shape(local_emr: LocalEmr, raw_bodies: list[bytes]) -> None:
    client = local_emr.client
    names = prepare(local_emr)
    service = client.meta.service_model
    wrong: dict[str, str] = {}
    for operation, members in REQUESTS:
        model = service.operation_model(operation)
        request = json.loads(fill(json.dumps(members), names))
        raw_bodies.clear()
        client._make_api_call(operation, request)
        [body] = raw_bodies
        answer = json.loads(body)
        if model.output_shape is None:
            if answer not in ({}, None):
                wrong[operation] = f"nothing was to be answered, but {answer}"
            continue
        report = ParamValidator().validate(answer, model.output_shape)
        if report.has_errors():
            wrong[operation] = report.generate_report()
    assert wrong == {}


def prepare(local_emr: LocalEmr) -> dict[str, str]:
    """A cluster with groups and a failed step, and one with fleets."""
    cluster_id = local_emr.run(Tags=[{"Key": "a", "Value": "b"}])
    [step_id] = local_emr.add(cluster_id, bash_step("echo why >&2; exit 1"))
    local_emr.wait_for_step(cluster_id, step_id)
    fleets = local_emr.run(Instances={"InstanceGroups": None, "InstanceFleets": [FLEET]})
    local_emr.wait_for_state(fleets, "WAITING")
    [first] = local_emr.client.list_instance_fleets(ClusterId=fleets)["InstanceFleets"]
    return {"{c}": cluster_id, "{f}": fleets, "{i}": first["Id"], "{s}": step_id}


def fill(text: str, names: dict[str, str]) -> str:
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text
