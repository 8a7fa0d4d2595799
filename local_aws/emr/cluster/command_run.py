"""Run of one command of a cluster with its log, which steps and bootstrap actions have in common."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.node.command import Command, CommandError
from local_aws.emr.node.command_log import CommandLog
from local_aws.emr.node.node import Node
from local_aws.s3.files.paths import ObjectPathError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """End of a command. The exit code is negative for a signal."""

    exit_code: int
    refusal: CommandError | None = None
    """The reason why the command was not started, if so."""

    @classmethod
    def refused(cls, error: CommandError, log: CommandLog) -> Outcome:
        with log.stderr_path.open("a") as stderr:
            stderr.write(f"{error}\n")
        log.note(f"Not started: {error}")
        return cls(exit_code=1, refusal=error)

    @property
    def ended_with(self) -> str:
        if self.exit_code < 0:
            return f"Ended by {signal.Signals(-self.exit_code).name}"
        return f"Ended with exit code {self.exit_code}"


def execute(
    cluster: Cluster, node: Node, command: Command, name: str, log: CommandLog, is_wanted: Callable[[], bool]
) -> Outcome:
    """Run a command to its end. `is_wanted` is asked just before the start: it may be cancelled until then."""
    started_at = time.monotonic()
    try:
        prepared = node.prepare(command, name, log)
    except CommandError as error:
        return Outcome.refused(error, log)
    with cluster.changed:
        if cluster.ending or not is_wanted():
            log.note("Not started: cancelled")
            return Outcome(exit_code=-signal.SIGTERM)
        try:
            process = prepared.start()
        except OSError as error:
            return Outcome.refused(CommandError(f"Cannot run the program: {error}"), log)
        cluster.attach(name, process)
    exit_code = process.wait()
    with cluster.changed:
        cluster.detach(name)
    outcome = Outcome(exit_code)
    log.note(f"{outcome.ended_with} after {time.monotonic() - started_at:.1f} seconds")
    return outcome


def ship_log(node: Node, log: CommandLog, uri: str | None) -> None:
    """Copy the log to the LogUri. A bucket that does not exist costs the logs there, not the step."""
    if uri is None:
        return
    try:
        log.ship(node.log_destination(uri))
    except (ObjectPathError, OSError) as error:
        log.note(f"The logs could not be written to {uri}: {error}")
        logger.warning("The logs of %s could not be written to %s: %s", log.path, uri, error)
