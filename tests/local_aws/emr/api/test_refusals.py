"""Whatever is wrong with a request, the answer is a 400 that says what; never a 500."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.emr.harness import LocalEmr, bash_step, job_flow

ONE_STEP = [bash_step("true")]
INVALID, VALIDATION = "InvalidRequestException", "ValidationException"


def nested(levels: int) -> bytes:
    return b'{"Configurations": [' * levels + b"]}" * levels


@pytest.fixture
def ended(local_emr: LocalEmr) -> str:
    cluster_id = local_emr.run(Instances={"KeepJobFlowAliveWhenNoSteps": False})
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    return cluster_id


@pytest.mark.parametrize(
    ("operation", "request_members", "code", "said"),
    [
        ("describe_cluster", {"ClusterId": "j-NOPE"}, INVALID, "Cluster id 'j-NOPE' is not valid."),
        ("list_steps", {"ClusterId": "j-NOPE"}, INVALID, "Cluster id 'j-NOPE' is not valid."),
        ("list_instances", {"ClusterId": "j-NOPE"}, INVALID, "Cluster id 'j-NOPE' is not valid."),
        ("cancel_steps", {"ClusterId": "j-NOPE", "StepIds": ["s-1"]}, INVALID, "Cluster id 'j-NOPE' is not valid."),
        ("describe_step", {"ClusterId": "j-NOPE", "StepId": "s-1"}, INVALID, "Cluster id 'j-NOPE' is not valid."),
        ("add_job_flow_steps", {"JobFlowId": "j-NOPE", "Steps": ONE_STEP}, VALIDATION, "job flow ID does not exist"),
        ("terminate_job_flows", {"JobFlowIds": ["j-NOPE"]}, VALIDATION, "job flow ID does not exist"),
        (
            "set_termination_protection",
            {"JobFlowIds": ["j-NOPE"], "TerminationProtected": True},
            VALIDATION,
            "job flow ID does not exist",
        ),
        ("describe_security_configuration", {"Name": "nope"}, INVALID, "does not exist"),
        ("list_studios", {}, "UnknownOperationException", "does not offer EMR's operation ListStudios"),
        ("describe_job_flows", {}, "UnknownOperationException", "It offers: AddInstanceFleet, AddJobFlowSteps, "),
    ],
)
def test_what_is_not_there_is_refused_as_emr_refuses_it(
    local_emr: LocalEmr, operation: str, request_members: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(local_emr.client, operation)(**request_members)
    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == code and said in error["Error"]["Message"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ServiceRole": ""}, "ServiceRole is required for creating cluster."),
        ({"JobFlowRole": ""}, "InstanceProfile is required for creating cluster."),
        ({"ReleaseLabel": "emr-seven"}, "The supplied release label is invalid: emr-seven."),
        ({"LogUri": "/var/log"}, "The log URI /var/log is not an S3 URI."),
        ({"StepConcurrencyLevel": 0}, "StepConcurrencyLevel must be between 1 and 256, not 0."),
        ({"StepConcurrencyLevel": 257}, "StepConcurrencyLevel must be between 1 and 256, not 257."),
        ({"Steps": ONE_STEP * 257}, "Maximum number of active steps"),
        (
            {"StepConcurrencyLevel": 2, "Steps": [bash_step("true", on_failure="TERMINATE_CLUSTER")]},
            "ActionOnFailure TERMINATE_CLUSTER of step 'a step' is not valid",
        ),
    ],
)
def test_a_cluster_that_emr_would_not_start_is_not_started(
    local_emr: LocalEmr, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        local_emr.run(name="refused", **changes)
    assert refused.value.response["Error"]["Code"] == VALIDATION
    assert said in refused.value.response["Error"]["Message"]
    clusters = local_emr.client.list_clusters()["Clusters"]
    assert "refused" not in {cluster["Name"] for cluster in clusters}


@pytest.mark.parametrize(
    ("operation", "request_members"),
    [
        ("add_job_flow_steps", {"JobFlowId": "{id}", "Steps": ONE_STEP}),
        ("cancel_steps", {"ClusterId": "{id}", "StepIds": ["s-1"]}),
        ("set_termination_protection", {"JobFlowIds": ["{id}"], "TerminationProtected": True}),
    ],
)
def test_an_ended_cluster_cannot_be_changed(
    local_emr: LocalEmr, ended: str, operation: str, request_members: dict[str, Any]
) -> None:
    members = json.loads(json.dumps(request_members).replace("{id}", ended))
    with pytest.raises(ClientError, match="shutting down, terminated, or finished may not be modified") as refused:
        getattr(local_emr.client, operation)(**members)
    assert refused.value.response["Error"]["Code"] == VALIDATION


def test_terminating_an_ended_cluster_changes_nothing(local_emr: LocalEmr, ended: str) -> None:
    before = local_emr.cluster(ended)["Status"]
    local_emr.client.terminate_job_flows(JobFlowIds=[ended])
    assert local_emr.cluster(ended)["Status"] == before


def test_steps_of_a_concurrent_cluster_must_continue_on_failure(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run(StepConcurrencyLevel=2)
    with pytest.raises(ClientError, match="it must be CONTINUE"):
        local_emr.add(cluster_id, bash_step("true", on_failure="CANCEL_AND_WAIT"))
    assert local_emr.client.list_steps(ClusterId=cluster_id)["Steps"] == []


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("ElasticMapReduce.NoSuchThing", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("ElasticMapReduce.DescribeCluster", b"{not json", "SerializationException"),
        ("ElasticMapReduce.DescribeCluster", b"[]", VALIDATION),
        ("ElasticMapReduce.DescribeCluster", b'{"ClusterId": "\xff"}', "SerializationException"),
        ("ElasticMapReduce.RunJobFlow", nested(90), VALIDATION),
        ("ElasticMapReduce.RunJobFlow", nested(50_000), "SerializationException"),
        ("ElasticMapReduce.DescribeCluster", b"{}", VALIDATION),
        ("ElasticMapReduce.RunJobFlow", json.dumps(job_flow(Steps="x")).encode(), VALIDATION),
        ("ElasticMapReduce.RunJobFlow", json.dumps(job_flow(Steps=[{"Name": "no jar"}])).encode(), VALIDATION),
        ("ElasticMapReduce.RunJobFlow", json.dumps(job_flow(Surprise=1)).encode(), VALIDATION),
    ],
)
def test_requests_that_no_sdk_would_send_are_refused_too(
    local_emr: LocalEmr, target: str, body: bytes, code: str
) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261120/eu-west-1/elasticmapreduce/aws4_request, Signature=x"
    headers = {"X-Amz-Target": target, "Authorization": scope, "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(local_emr.client.meta.endpoint_url, data=body, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 400
    assert json.loads(refused.value.read())["__type"] == code
