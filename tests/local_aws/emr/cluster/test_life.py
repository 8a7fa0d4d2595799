"""The life of a cluster: its states, why it is in them, and how it ends."""

from __future__ import annotations

import stat
from collections import defaultdict
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.records import ClusterRecord
from tests.local_aws.emr.harness import LocalEmr, bash_step


def test_a_cluster_starts_bootstraps_waits_and_is_terminated(
    local_emr: LocalEmr, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[str]] = defaultdict(list)
    save = ClusterFolder.save

    def note_and_save(folder: ClusterFolder, record: ClusterRecord) -> None:
        if [record.state] != seen[record.id][-1:]:
            seen[record.id].append(record.state)
        save(folder, record)

    monkeypatch.setattr(ClusterFolder, "save", note_and_save)
    cluster_id = local_emr.run()
    local_emr.wait_for_state(cluster_id, "WAITING")
    assert local_emr.reason(cluster_id) == {"Message": "Cluster ready to run steps."}
    local_emr.client.terminate_job_flows(JobFlowIds=[cluster_id])
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    assert seen[cluster_id] == ["STARTING", "BOOTSTRAPPING", "WAITING", "TERMINATING", "TERMINATED"]
    assert local_emr.reason(cluster_id) == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    timeline = local_emr.cluster(cluster_id)["Status"]["Timeline"]
    assert timeline["CreationDateTime"] < timeline["ReadyDateTime"] < timeline["EndDateTime"]


@pytest.mark.parametrize(
    ("scripts", "on_failure", "protected", "state", "code", "message"),
    [
        (["exit 0"], "CONTINUE", False, "TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed"),
        ([], "CONTINUE", False, "TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed"),
        (["exit 1", "exit 0"], "CONTINUE", False, "TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed with errors"),
        (["exit 1"], "CANCEL_AND_WAIT", False, "TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed with errors"),
        (["exit 1"], "TERMINATE_CLUSTER", False, "TERMINATED_WITH_ERRORS", "STEP_FAILURE", "Shut down as step failed"),
        (["exit 1"], "TERMINATE_JOB_FLOW", False, "TERMINATED_WITH_ERRORS", "STEP_FAILURE", "Shut down as step failed"),
        (["exit 1"], "TERMINATE_CLUSTER", True, "TERMINATED", "ALL_STEPS_COMPLETED", "Steps completed with errors"),
    ],
)
def test_a_cluster_that_is_not_kept_alive_ends_after_its_steps(
    local_emr: LocalEmr, scripts: list[str], on_failure: str, protected: bool, state: str, code: str, message: str
) -> None:
    cluster_id = local_emr.run(
        Instances={"KeepJobFlowAliveWhenNoSteps": False, "TerminationProtected": protected},
        Steps=[bash_step(script, on_failure=on_failure) for script in scripts],
    )
    assert local_emr.wait_for_state(cluster_id, "TERMINATED", "TERMINATED_WITH_ERRORS") == state
    assert local_emr.reason(cluster_id) == {"Code": code, "Message": message}


def test_terminating_a_cluster_ends_what_runs_and_cancels_what_waits(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    running, pending = local_emr.add(cluster_id, bash_step("sleep 60"), bash_step("true"))
    local_emr.wait_for_step(cluster_id, running, "RUNNING")
    local_emr.client.terminate_job_flows(JobFlowIds=[cluster_id])
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    assert local_emr.step_state(cluster_id, running) == "CANCELLED"
    assert local_emr.step_state(cluster_id, pending) == "CANCELLED"
    assert local_emr.step(cluster_id, pending)["Status"]["StateChangeReason"]["Message"] == "Job terminated"


def test_a_cluster_can_be_terminated_while_it_bootstraps(local_emr: LocalEmr) -> None:
    local_emr.put("s3://code/sleep.sh", "sleep 60")
    action = {"Name": "sleep", "ScriptBootstrapAction": {"Path": "s3://code/sleep.sh"}}
    cluster_id = local_emr.run(BootstrapActions=[action], Steps=[bash_step("true")])
    local_emr.wait_for_state(cluster_id, "BOOTSTRAPPING")
    local_emr.client.terminate_job_flows(JobFlowIds=[cluster_id])
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    assert local_emr.reason(cluster_id)["Code"] == "USER_REQUEST"
    assert "ReadyDateTime" not in local_emr.cluster(cluster_id)["Status"]["Timeline"]


def test_a_protected_cluster_is_not_terminated_but_the_others_of_the_request_are(local_emr: LocalEmr) -> None:
    protected = local_emr.run(Instances={"TerminationProtected": True})
    other = local_emr.run()
    with pytest.raises(ClientError, match="termination protected") as refused:
        local_emr.client.terminate_job_flows(JobFlowIds=[protected, other])
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    local_emr.wait_for_state(other, "TERMINATED")
    assert local_emr.wait_for_state(protected, "WAITING") == "WAITING"
    local_emr.client.set_termination_protection(JobFlowIds=[protected], TerminationProtected=False)
    local_emr.client.terminate_job_flows(JobFlowIds=[protected])
    local_emr.wait_for_state(protected, "TERMINATED")


def test_an_ended_cluster_keeps_its_logs_and_loses_its_scratch(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step('echo said; echo x > "$SPARK_LOCAL_DIRS/block"; echo y > here'))
    local_emr.wait_for_step(cluster_id, step_id)
    assert (local_emr.work_root / cluster_id / "scratch" / "spark" / "block").exists()
    local_emr.client.terminate_job_flows(JobFlowIds=[cluster_id])
    local_emr.wait_for_state(cluster_id, "TERMINATED")
    assert not (local_emr.work_root / cluster_id / "scratch").exists()
    assert local_emr.live_log(cluster_id, f"steps/{step_id}/stdout").read_text() == "said\n"


def test_no_other_user_of_the_machine_can_enter_a_clusters_folder(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    local_emr.wait_for_state(cluster_id, "WAITING")
    assert stat.S_IMODE((local_emr.work_root / cluster_id).stat().st_mode) == 0o700


def test_clusters_are_listed_by_state_and_by_time(local_emr: LocalEmr) -> None:
    first = local_emr.run(name="first")
    local_emr.wait_for_state(first, "WAITING")
    second = local_emr.run(name="second", Instances={"KeepJobFlowAliveWhenNoSteps": False})
    local_emr.wait_for_state(second, "TERMINATED")
    between = local_emr.cluster(second)["Status"]["Timeline"]["CreationDateTime"]

    def listed(**filters: Any) -> list[str]:
        pages = local_emr.client.get_paginator("list_clusters").paginate(**filters)
        return [cluster["Id"] for page in pages for cluster in page["Clusters"] if cluster["Id"] in (first, second)]

    assert listed() == [second, first]
    assert listed(ClusterStates=["WAITING"]) == [first]
    assert listed(ClusterStates=["TERMINATED"]) == [second]
    assert listed(CreatedBefore=between) == [first]
    assert listed(CreatedAfter=local_emr.cluster(first)["Status"]["Timeline"]["CreationDateTime"]) == [second]


def test_long_lists_come_in_pages(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    blocker = local_emr.add(cluster_id, bash_step("sleep 60"))
    added = blocker + local_emr.add(cluster_id, *[bash_step("true", name=f"{n}") for n in range(119)])
    first = local_emr.client.list_steps(ClusterId=cluster_id)
    assert len(first["Steps"]) == 50 and "Marker" in first
    pages = local_emr.client.get_paginator("list_steps").paginate(ClusterId=cluster_id)
    assert [step["Id"] for page in pages for step in page["Steps"]] == added[::-1]


def test_a_cluster_tells_what_it_was_asked_for(local_emr: LocalEmr) -> None:
    configurations = [{"Classification": "spark-defaults", "Properties": {"spark.a": "b"}}]
    cluster_id = local_emr.run(
        Applications=[{"Name": "Spark"}],
        Configurations=configurations,
        Instances={"Ec2SubnetIds": ["subnet-1"], "Ec2KeyName": "key"},
        StepConcurrencyLevel=3,
        ScaleDownBehavior="TERMINATE_AT_TASK_COMPLETION",
    )
    cluster = local_emr.cluster(cluster_id)
    assert cluster["ClusterArn"] == f"arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/{cluster_id}"
    assert cluster["LogUri"] == "s3://logs/emr/" and cluster["ReleaseLabel"] == "emr-7.13.0"
    assert cluster["ServiceRole"] == "EMR_DefaultRole_V2"
    assert cluster["Applications"] == [{"Name": "Spark"}] and cluster["Configurations"] == configurations
    assert cluster["StepConcurrencyLevel"] == 3 and cluster["AutoTerminate"] is False
    attributes = cluster["Ec2InstanceAttributes"]
    assert (attributes["Ec2SubnetId"], attributes["Ec2KeyName"]) == ("subnet-1", "key")
    assert attributes["IamInstanceProfile"] == "EMR_EC2_DefaultRole"
    assert attributes["Ec2AvailabilityZone"] == "eu-west-1a"


def test_clusters_of_another_region_are_elsewhere(local_emr: LocalEmr) -> None:
    import boto3

    cluster_id = local_emr.run()
    elsewhere = boto3.client(
        "emr",
        endpoint_url=local_emr.client.meta.endpoint_url,
        region_name="us-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError, match="is not valid"):
        elsewhere.describe_cluster(ClusterId=cluster_id)
