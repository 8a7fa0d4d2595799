"""Bootstrap actions of a cluster: scripts from S3 that run one after another before the first step."""

from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.cluster.command_run import CommandRun, Failure
from local_aws.emr.node.node import ScriptNotFoundError
from local_aws.emr.state.instances import instance_collections


def run_bootstrap_actions(cluster: Cluster) -> None:
    """Run the actions until one fails, which ends the cluster."""
    [primary] = [group for group in instance_collections(cluster.record) if group.role == "MASTER"]
    instance = next(primary.instances()).ec2_id
    for number, action in enumerate(cluster.record.settings["BootstrapActions"], start=1):
        if cluster.record.is_ending:
            return
        script = action["ScriptBootstrapAction"]
        log_name = f"node/{instance}/bootstrap-actions/{number}"
        words = [script["Path"], *script.get("Args", [])]
        run = CommandRun(cluster, f"bootstrap-{number}", log_name, "script-runner.jar", words)
        if failure := run.run(f"Bootstrap action {number} ({action['Name']}): {script['Path']}"):
            _end(cluster, number, instance, failure)


def _end(cluster: Cluster, number: int, instance: str, failure: Failure) -> None:
    if isinstance(failure.refusal, ScriptNotFoundError):
        code = "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY"
        message = f"Master instance ({instance}) failed attempting to download bootstrap action {number} file from S3"
    else:
        code = "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
        message = f"On the master instance ({instance}), bootstrap action {number} returned a non-zero return code"
    with cluster.change() as record:
        if record.is_ending:
            return
        record.error_details = [
            {
                "ErrorCode": code,
                "ErrorData": [{"instance-id": instance, "bootstrap-action": str(number)}],
                "ErrorMessage": failure.last_line or failure.ended_with,
            }
        ]
        cluster.end("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE", message)
