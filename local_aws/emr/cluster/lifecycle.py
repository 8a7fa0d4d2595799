"""Life of a cluster in its own thread: start, bootstrap actions, steps, waiting, end."""

import logging
import threading
import time

from local_aws.emr.cluster.bootstrap_actions import run_bootstrap_actions
from local_aws.emr.cluster.cluster import Cluster
from local_aws.emr.cluster.step_run import run_step
from local_aws.emr.state.records import StateChangeReason, now

logger = logging.getLogger(__name__)


class Lifecycle(threading.Thread):
    """The thread of one cluster, which starts the threads of its steps."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(name=cluster.id, daemon=True)
        self._cluster, self._record = cluster, cluster.record
        self._step_threads: list[threading.Thread] = []

    def run(self) -> None:
        cluster = self._cluster
        try:
            cluster.folder.make()
            self._pause()
            with cluster.change() as record:
                if not record.is_ending:
                    record.state = "BOOTSTRAPPING"
                    record.reason = StateChangeReason(message="Running bootstrap actions")
            run_bootstrap_actions(cluster)
            self._serve()
        except Exception as error:
            # Whatever the error is, a cluster without its thread would look alive for ever.
            logger.exception("%s: the local EMR itself failed", cluster.id)
            cluster.end("TERMINATED_WITH_ERRORS", "INTERNAL_ERROR", f"The local EMR itself failed: {error}")
        self._finish()

    def _serve(self) -> None:
        """Run steps until there is a reason to end."""
        with self._cluster.changed:
            if not self._record.is_ending:
                self._record.ready_at = now()
            while not self._record.is_ending:
                self._start_steps()
                if not self._record.active_steps:
                    self._rest()
                if not self._record.is_ending:
                    self._cluster.changed.wait(self._idle_seconds_left())

    def _start_steps(self) -> None:
        """Start as many pending steps, in their order, as may run at once. The caller holds the lock."""
        record, pending = self._record, self._record.pending_steps
        running = len(record.active_steps) - len(pending)
        for step in pending[: max(0, record.step_concurrency - running)]:
            with self._cluster.change():
                record.state, record.idle_since = "RUNNING", None
                record.reason = StateChangeReason(message="Running step")
                step.state, step.started_at = "RUNNING", now()
            thread = threading.Thread(target=run_step, args=(self._cluster, step), name=step.id, daemon=True)
            self._step_threads.append(thread)
            thread.start()

    def _rest(self) -> None:
        """Wait for more steps, or end when none is to come. The caller holds the lock."""
        record = self._record
        if not record.settings["Instances"]["KeepJobFlowAliveWhenNoSteps"]:
            errors = " with errors" if any(step.failure for step in record.steps) else ""
            self._cluster.end("TERMINATED", "ALL_STEPS_COMPLETED", f"Steps completed{errors}")
            return
        if record.state != "WAITING":
            with self._cluster.change():
                record.state, record.idle_since = "WAITING", now()
                record.reason = StateChangeReason(message="Cluster ready to run steps.")
        seconds_left = self._idle_seconds_left()
        if seconds_left is not None and seconds_left <= 0:
            timeout_s = record.settings["AutoTerminationPolicy"]["IdleTimeout"]
            self._cluster.end("TERMINATED", "ALL_STEPS_COMPLETED", f"Auto-terminated: idle for {timeout_s} seconds")

    def _idle_seconds_left(self) -> float | None:
        """Return the seconds until the cluster ends by itself, or None when it does not."""
        policy, since = self._record.settings.get("AutoTerminationPolicy"), self._record.idle_since
        return since + policy["IdleTimeout"] - now() if policy and since else None

    def _finish(self) -> None:
        cluster = self._cluster
        with cluster.change() as record:
            for step in record.pending_steps:
                step.cancel("Job terminated")
        for thread in self._step_threads:
            thread.join()
        self._pause()
        cluster.folder.remove_scratch()
        with cluster.change() as record:
            record.state, record.ended_at, record.idle_since = cluster.last_state, now(), None

    def _pause(self) -> None:
        """Wait so that the state can be seen: EMR takes minutes to start and to end a cluster."""
        time.sleep(self._cluster.config.transition_s)
