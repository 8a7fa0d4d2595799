"""Run of one command of a cluster with its log, which steps and bootstrap actions have in common."""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.node.command import CommandError, step_command
from local_aws.emr.node.command_log import CommandLog
from local_aws.s3.files.paths import ObjectPathError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """End of a command that did not succeed."""

    ended_with: str
    last_line: str | None
    """The line of its stderr that most likely says why."""
    log_uri: str | None
    refusal: CommandError | None
    """The reason why the command was not started, if so."""


@dataclass(frozen=True)
class CommandRun:
    """One command: what a HadoopJarStep says, and the name of its log below the cluster's LogUri."""

    cluster: Cluster
    name: str
    log_name: str
    jar: str
    args: Sequence[str]
    is_wanted: Callable[[], bool] = lambda: True
    """It is asked just before the start: a command may be cancelled until then."""

    def run(self, title: str) -> Failure | None:
        """Run the command to its end, and return how it failed, or None."""
        log = CommandLog(self.cluster.folder.logs_path / self.log_name)
        log.start()
        log.note(title)
        refusal = None
        try:
            exit_code = self._execute(log)
        except CommandError as error:
            exit_code, refusal = 1, error
            with log.stderr_path.open("a") as stderr:
                stderr.write(f"{error}\n")
            log.note(f"Not started: {error}")
        log_uri = f"{self.cluster.record.log_uri}/{self.log_name}" if self.cluster.record.log_uri else None
        if log_uri:
            self._ship(log, log_uri)
        return Failure(_ended_with(exit_code), log.last_error_line(), log_uri, refusal) if exit_code else None

    def _execute(self, log: CommandLog) -> int:
        """Return the exit code, which is negative for a signal. Raises CommandError for what cannot be started."""
        cluster, started_at = self.cluster, time.monotonic()
        command = step_command(self.jar, self.args, cluster.config.cores, cluster.config.driver_memory)
        start = cluster.node.prepare(command, self.name, log)
        with cluster.changed:
            if cluster.record.is_ending or not self.is_wanted():
                log.note("Not started: cancelled")
                return -signal.SIGTERM
            try:
                process = start()
            except OSError as error:
                raise CommandError(f"Cannot run the program: {error}") from error
            log.note(f"ProcessRunner started child process {process.pid}")
            cluster.processes[self.name] = process
        exit_code = process.wait()
        with cluster.changed:
            del cluster.processes[self.name]
        log.note(f"{_ended_with(exit_code)} after {time.monotonic() - started_at:.1f} seconds")
        return exit_code

    def _ship(self, log: CommandLog, uri: str) -> None:
        """Copy the log to the LogUri. A bucket that does not exist costs the logs there, not the step."""
        try:
            log.ship(self.cluster.node.log_destination(uri))
        except (ObjectPathError, OSError) as error:
            log.note(f"The logs could not be written to {uri}: {error}")
            logger.warning("The logs of %s could not be written to %s: %s", log.path, uri, error)


def _ended_with(exit_code: int) -> str:
    return f"Ended by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"Ended with exit code {exit_code}"
