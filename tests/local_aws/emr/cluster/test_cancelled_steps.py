"""CancelSteps: what is pending goes at once, what runs when its process is gone."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.emr.harness import LocalEmr, bash_step, wait_until

POLITE = "trap 'echo tidied; exit 0' TERM; echo ready; while true; do sleep 0.05; done"
DEAF = "trap '' TERM; echo ready; while true; do sleep 0.05; done"


def cancel(local_emr: LocalEmr, cluster_id: str, *step_ids: str, **how: Any) -> list[dict[str, str]]:
    answer = local_emr.client.cancel_steps(ClusterId=cluster_id, StepIds=list(step_ids), **how)
    information: list[dict[str, str]] = answer["CancelStepsInfoList"]
    return information


@pytest.mark.parametrize(
    ("script", "option", "said", "ended_with"),
    [
        (POLITE, "SEND_INTERRUPT", "ready\ntidied\n", "exit code 0"),
        (POLITE, None, "ready\ntidied\n", "exit code 0"),
        (POLITE, "TERMINATE_PROCESS", "ready\n", signal.SIGKILL.name),
        (DEAF, "SEND_INTERRUPT", "ready\n", signal.SIGKILL.name),
    ],
)
def test_a_running_step_is_cancelled(
    local_emr: LocalEmr, script: str, option: str | None, said: str, ended_with: str
) -> None:
    cluster_id = local_emr.run()
    running, following = local_emr.add(cluster_id, bash_step(script), bash_step("true"))
    live = local_emr.live_log(cluster_id, f"steps/{running}/stdout")
    wait_until("ready", lambda: live.exists() and "ready" in live.read_text())
    how = {"StepCancellationOption": option} if option else {}
    assert cancel(local_emr, cluster_id, running, **how) == [{"StepId": running, "Status": "SUBMITTED"}]
    assert local_emr.step_state(cluster_id, running) in ("CANCEL_PENDING", "CANCELLED")
    status = local_emr.wait_for_step(cluster_id, running)["Status"]
    assert status["State"] == "CANCELLED" and "FailureDetails" not in status
    assert local_emr.log(cluster_id, f"steps/{running}/stdout") == said
    assert ended_with in local_emr.note(cluster_id, running)
    assert local_emr.wait_for_step(cluster_id, following)["Status"]["State"] == "COMPLETED"


def test_a_deaf_step_is_pending_to_be_cancelled_during_its_grace_time(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step(DEAF))
    live = local_emr.live_log(cluster_id, f"steps/{step_id}/stdout")
    wait_until("ready", lambda: live.exists() and "ready" in live.read_text())
    cancel(local_emr, cluster_id, step_id)
    assert local_emr.step_state(cluster_id, step_id) == "CANCEL_PENDING"
    cancel(local_emr, cluster_id, step_id, StepCancellationOption="TERMINATE_PROCESS")
    local_emr.wait_for_step(cluster_id, step_id, "CANCELLED")


def test_a_pending_step_never_runs_and_a_finished_one_stays_as_it_is(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [done] = local_emr.add(cluster_id, bash_step("true"))
    local_emr.wait_for_step(cluster_id, done)
    running, pending = local_emr.add(cluster_id, bash_step("sleep 60"), bash_step('touch "$TMPDIR/ran"'))
    answers = cancel(local_emr, cluster_id, pending, done)
    assert answers[0] == {"StepId": pending, "Status": "SUBMITTED"}
    assert answers[1]["Status"] == "FAILED" and "COMPLETED" in answers[1]["Reason"]
    assert local_emr.step_state(cluster_id, pending) == "CANCELLED"
    assert local_emr.step_state(cluster_id, done) == "COMPLETED"
    cancel(local_emr, cluster_id, running)
    local_emr.wait_for_state(cluster_id, "WAITING")
    assert not (local_emr.work_root / cluster_id / "scratch" / "tmp" / "ran").exists()


def test_one_unknown_step_cancels_none(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    running, pending = local_emr.add(cluster_id, bash_step("sleep 60"), bash_step("true"))
    with pytest.raises(ClientError, match="Step id 's-NOPE' is not valid"):
        cancel(local_emr, cluster_id, pending, "s-NOPE")
    assert local_emr.step_state(cluster_id, pending) == "PENDING"
    assert local_emr.step_state(cluster_id, running) in ("PENDING", "RUNNING")
