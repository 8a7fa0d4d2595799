"""Bootstrap actions are really run, and a cluster whose action fails ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_aws.emr.harness import LocalEmr, bash_step


def action(path: str, *args: str) -> dict[str, Any]:
    return {"Name": path.rpartition("/")[2], "ScriptBootstrapAction": {"Path": path, "Args": list(args)}}


def test_bootstrap_actions_run_in_order_before_the_first_step(local_emr: LocalEmr) -> None:
    local_emr.put("s3://code/one.sh", '#!/bin/bash\necho "one $1" | tee -a "$TMPDIR/order"')
    local_emr.put("s3://code/two.sh", 'echo two | tee -a "$TMPDIR/order"')
    actions = [action("s3://code/one.sh", "with argument"), action("s3://code/two.sh")]
    cluster_id = local_emr.run(BootstrapActions=actions, Steps=[bash_step('cat "$TMPDIR/order"')])
    [step] = local_emr.client.list_steps(ClusterId=cluster_id)["Steps"]
    local_emr.wait_for_step(cluster_id, step["Id"])
    assert local_emr.log(cluster_id, f"steps/{step['Id']}/stdout") == "one with argument\ntwo\n"
    [primary] = local_emr.client.list_instances(ClusterId=cluster_id, InstanceGroupTypes=["MASTER"])["Instances"]
    logs = f"node/{primary['Ec2InstanceId']}/bootstrap-actions"
    assert local_emr.log(cluster_id, f"{logs}/1/stdout") == "one with argument\n"
    assert local_emr.log(cluster_id, f"{logs}/2/stdout") == "two\n"


@pytest.mark.parametrize(
    ("path", "code", "reason", "detail"),
    [
        (
            "s3://code/fails.sh",
            "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE",
            "bootstrap action 1 returned a non-zero return code",
            "no such package",
        ),
        (
            "s3://code/is-not-there.sh",
            "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY",
            "failed attempting to download bootstrap action 1 file from S3",
            "the script s3://code/is-not-there.sh cannot be fetched",
        ),
    ],
)
def test_a_bootstrap_action_that_fails_ends_the_cluster(
    local_emr: LocalEmr, path: str, code: str, reason: str, detail: str
) -> None:
    local_emr.put("s3://code/fails.sh", "echo no such package >&2; exit 3")
    never = local_emr.put("s3://code/never.sh", 'touch "$TMPDIR/never"')
    cluster_id = local_emr.run(BootstrapActions=[action(path), action(never)], Steps=[bash_step("true")])
    assert local_emr.wait_for_state(cluster_id, "TERMINATED", "TERMINATED_WITH_ERRORS") == "TERMINATED_WITH_ERRORS"
    status = local_emr.cluster(cluster_id)["Status"]
    assert status["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    assert reason in status["StateChangeReason"]["Message"]
    [error] = status["ErrorDetails"]
    assert error["ErrorCode"] == code and error["ErrorMessage"].startswith(detail)
    [step] = local_emr.client.list_steps(ClusterId=cluster_id)["Steps"]
    assert step["Status"]["State"] == "CANCELLED"
    [first] = (local_emr.work_root / cluster_id / "logs" / "node").glob("*/bootstrap-actions/*")
    assert first.name == "1"
