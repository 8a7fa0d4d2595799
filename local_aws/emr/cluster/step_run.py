"""Run of one step, from its command to its last state."""

from __future__ import annotations

import logging

from local_aws.emr.cluster.cluster import Cluster, Ending, cancel
from local_aws.emr.cluster.command_run import Outcome, execute, ship_log
from local_aws.emr.node.command import CommandError, step_command
from local_aws.emr.node.command_log import CommandLog
from local_aws.emr.node.node import Node
from local_aws.emr.state.records import (
    CANCEL_PENDING,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    TERMINATED_WITH_ERRORS,
    StepFailure,
    StepRecord,
    now,
)

logger = logging.getLogger(__name__)


def run_step(cluster: Cluster, node: Node, step: StepRecord) -> None:
    """Run a step in its own thread. It is RUNNING, and has ended when this returns."""
    try:
        failure = _run(cluster, node, step)
    except Exception as error:
        # Whatever the error is, for example a full disk, a step without its thread would look as if it ran for ever.
        logger.exception("%s: the local EMR itself failed", step.id)
        failure = StepFailure("Unknown Error.", f"The local EMR itself failed: {error}", None)
    with cluster.change():
        if step.state == CANCEL_PENDING:
            cancel(step, "Cancelled by user")
        elif cluster.ending:
            cancel(step, "Job terminated")
        elif failure is None:
            step.state, step.ended_at = COMPLETED, now()
        else:
            step.state, step.ended_at, step.failure = FAILED, now(), failure
            # Under the same lock: nobody may start the next step in between.
            _act_on_failure(cluster, step)


def _run(cluster: Cluster, node: Node, step: StepRecord) -> StepFailure | None:
    log = CommandLog(cluster.folder.logs_path / "steps" / step.id)
    log.start()
    log.note(f"Created Runner for step {step.id} ({step.config['Name']})")
    outcome = _execute(cluster, node, step, log)
    uri = f"{cluster.record.log_uri}/steps/{step.id}" if cluster.record.log_uri else None
    ship_log(node, log, uri)
    return None if outcome.exit_code == 0 else _failure(outcome, log, uri)


def _execute(cluster: Cluster, node: Node, step: StepRecord, log: CommandLog) -> Outcome:
    config = step.config["HadoopJarStep"]
    try:
        command = step_command(
            config["Jar"], config.get("Args", []), cluster.config.cores, cluster.config.driver_memory
        )
    except CommandError as error:
        return Outcome.refused(error, log)
    return execute(cluster, node, command, step.id, log, is_wanted=lambda: step.state == RUNNING)


def _failure(outcome: Outcome, log: CommandLog, uri: str | None) -> StepFailure:
    line = log.last_error_line() or f"{outcome.ended_with}, and the step wrote nothing to stderr"
    reason = "Illegal Argument." if outcome.refusal else "Unknown Error."
    return StepFailure(reason, line, f"{uri}/stderr.gz" if uri else None)


def _act_on_failure(cluster: Cluster, step: StepRecord) -> None:
    """Do what the step says about failure. With several steps at a time EMR only records the failure.

    The caller holds the lock.
    """
    record = cluster.record
    if step.action_on_failure == "CONTINUE" or record.step_concurrency_level > 1:
        return
    if step.action_on_failure != "CANCEL_AND_WAIT" and not record.termination_protected:
        cluster.end(Ending(TERMINATED_WITH_ERRORS, "STEP_FAILURE", "Shut down as step failed"))
        return
    for pending in record.steps_in(PENDING):
        cancel(pending, "Cancelled because of failure of previous step")
