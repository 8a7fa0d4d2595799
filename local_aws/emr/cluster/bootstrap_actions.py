"""Bootstrap actions of a cluster: scripts from S3 that run one after another before the first step."""

from __future__ import annotations

from typing import Any

from local_aws.emr.cluster.cluster import Cluster, Ending
from local_aws.emr.cluster.command_run import Outcome, execute, ship_log
from local_aws.emr.node.command import Command
from local_aws.emr.node.command_log import CommandLog
from local_aws.emr.node.node import Node, ScriptNotFoundError
from local_aws.emr.state.records import TERMINATED_WITH_ERRORS


def run_bootstrap_actions(cluster: Cluster, node: Node) -> Ending | None:
    """Run the actions, and return how the cluster ends when one failed, or None."""
    for number, action in enumerate(cluster.record.request.get("BootstrapActions", []), start=1):
        log = _log(cluster, number)
        log.start()
        outcome = _run(cluster, node, number, action, log)
        uri = cluster.record.log_uri
        ship_log(node, log, f"{uri}/{log.path.relative_to(cluster.folder.logs_path)}" if uri else None)
        if outcome.exit_code != 0:
            return _failure(cluster, number, outcome, log)
    return None


def _log(cluster: Cluster, number: int) -> CommandLog:
    node_path = cluster.folder.logs_path / "node" / cluster.record.primary_instance.ec2_id
    return CommandLog(node_path / "bootstrap-actions" / str(number))


def _run(cluster: Cluster, node: Node, number: int, action: dict[str, Any], log: CommandLog) -> Outcome:
    script = action["ScriptBootstrapAction"]
    log.note(f"Bootstrap action {number} ({action['Name']}): {script['Path']}")
    command = Command(tuple(script.get("Args", [])), script_uri=script["Path"])
    return execute(cluster, node, command, f"bootstrap-{number}", log, is_wanted=lambda: True)


def _failure(cluster: Cluster, number: int, outcome: Outcome, log: CommandLog) -> Ending:
    instance = cluster.record.primary_instance.ec2_id
    if isinstance(outcome.refusal, ScriptNotFoundError):
        code = "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY"
        message = f"Master instance ({instance}) failed attempting to download bootstrap action {number} file from S3"
    else:
        code = "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
        message = f"On the master instance ({instance}), bootstrap action {number} returned a non-zero return code"
    with cluster.change() as record:
        record.error_details = [
            {
                "ErrorCode": code,
                "ErrorData": [{"instance-id": instance, "bootstrap-action": str(number)}],
                "ErrorMessage": log.last_error_line() or outcome.ended_with,
            }
        ]
    return Ending(TERMINATED_WITH_ERRORS, "BOOTSTRAP_FAILURE", message)
