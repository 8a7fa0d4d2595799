"""Run of one step, from its command to its last state."""

import logging

from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.cluster.command_run import CommandRun
from local_aws.emr.state.records import StepFailure, StepRecord, now

logger = logging.getLogger(__name__)


def run_step(cluster: Cluster, step: StepRecord) -> None:
    """Run a step in its own thread. It is RUNNING, and has ended when this returns."""
    try:
        failure = _run(cluster, step)
    except Exception as error:
        # Whatever the error is, for example a full disk, a step without its thread would look as if it ran for ever.
        logger.exception("%s: the local EMR itself failed", step.id)
        failure = StepFailure("Unknown Error.", f"The local EMR itself failed: {error}", None)
    with cluster.change():
        if step.state == "CANCEL_PENDING":
            step.cancel("Cancelled by user")
        elif cluster.record.is_ending:
            step.cancel("Job terminated")
        elif failure is None:
            step.state, step.ended_at = "COMPLETED", now()
        else:
            step.state, step.ended_at, step.failure = "FAILED", now(), failure
            # Under the same lock: nobody may start the next step in between.
            _act_on_failure(cluster, step)


def _run(cluster: Cluster, step: StepRecord) -> StepFailure | None:
    config = step.config["HadoopJarStep"]
    run = CommandRun(
        cluster, step.id, f"steps/{step.id}", config["Jar"], config.get("Args", []), lambda: step.state == "RUNNING"
    )
    failure = run.run(f"Created Runner for step {step.id} ({step.config['Name']})")
    if failure is None:
        return None
    reason = "Illegal Argument." if failure.refusal else "Unknown Error."
    line = failure.last_line or f"{failure.ended_with}, and the step wrote nothing to stderr"
    return StepFailure(reason, line, failure.log_uri and f"{failure.log_uri}/stderr.gz")


def _act_on_failure(cluster: Cluster, step: StepRecord) -> None:
    """Do what the step says about failure. With several steps at a time EMR only records the failure.

    The caller holds the lock.
    """
    record = cluster.record
    if step.action_on_failure == "CONTINUE" or record.step_concurrency > 1:
        return
    if step.action_on_failure != "CANCEL_AND_WAIT" and not record.is_protected:
        cluster.end("TERMINATED_WITH_ERRORS", "STEP_FAILURE", "Shut down as step failed")
        return
    for pending in record.pending_steps:
        pending.cancel("Cancelled because of failure of previous step")
