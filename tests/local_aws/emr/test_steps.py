"""Steps: what they run, how they end, what is told of it."""

from __future__ import annotations

from tests.local_aws.emr.conftest import LocalEmr, bash_step


def test_a_step_runs_its_command_and_completes(local_emr: LocalEmr) -> None:
    cluster_id = local_emr.run()
    [step_id] = local_emr.add(cluster_id, bash_step("echo to stdout; echo to stderr >&2"))
    step = local_emr.wait_for_step(cluster_id, step_id)
    assert step["Status"]["State"] == "COMPLETED"
    assert local_emr.log(cluster_id, f"steps/{step_id}/stdout") == "to stdout\n"
    assert local_emr.log(cluster_id, f"steps/{step_id}/stderr") == "to stderr\n"
