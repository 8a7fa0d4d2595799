"""Life of a cluster in its own thread: start, bootstrap actions, steps, waiting, end."""

from __future__ import annotations

import logging
import threading
import time

from local_aws.emr.cluster.bootstrap_actions import run_bootstrap_actions
from local_aws.emr.cluster.cluster import Cluster, Ending
from local_aws.emr.cluster.step_run import run_step
from local_aws.emr.state.records import (
    BOOTSTRAPPING,
    PENDING,
    RUNNING,
    TERMINATED,
    TERMINATED_WITH_ERRORS,
    WAITING,
    StateChangeReason,
    now,
)

logger = logging.getLogger(__name__)


class Lifecycle:
    """The thread of one cluster and the threads of its running steps."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._step_threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, name=cluster.id, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._cluster.folder.make()
            ending = self._live()
        except Exception as error:
            # Whatever the error is, a cluster without its thread would look alive for ever.
            logger.exception("%s: the local EMR itself failed", self._cluster.id)
            ending = Ending(TERMINATED_WITH_ERRORS, "INTERNAL_ERROR", f"The local EMR itself failed: {error}")
        self._finish(ending)

    def _live(self) -> Ending:
        self._pause()
        with self._cluster.change() as record:
            if not self._cluster.ending:
                record.state = BOOTSTRAPPING
                record.reason = StateChangeReason(message="Running bootstrap actions")
        if not self._cluster.ending:
            failure = run_bootstrap_actions(self._cluster)
            if failure and not self._cluster.ending:
                return failure
        return self._cluster.ending or self._serve()

    def _serve(self) -> Ending:
        """Run steps until there is a reason to end."""
        with self._cluster.change() as record:
            record.ready_at = now()
        with self._cluster.changed:
            while not self._cluster.ending:
                self._start_steps()
                is_busy = any(step.is_active for step in self._cluster.record.steps)
                if not is_busy and (ending := self._rest()):
                    return ending
                self._cluster.changed.wait(self._idle_seconds_left())
            return self._cluster.ending

    def _start_steps(self) -> None:
        """Start as many pending steps, in their order, as may run at once. The caller holds the lock."""
        record = self._cluster.record
        pending = record.steps_in(PENDING)
        active = sum(step.is_active for step in record.steps) - len(pending)
        for step in pending[: max(0, record.step_concurrency - active)]:
            with self._cluster.change():
                record.state, record.idle_since = RUNNING, None
                record.reason = StateChangeReason(message="Running step")
                step.state, step.started_at = RUNNING, now()
            thread = threading.Thread(target=run_step, args=(self._cluster, step), name=step.id, daemon=True)
            self._step_threads.append(thread)
            thread.start()

    def _rest(self) -> Ending | None:
        """Return how to end when no step is left, or None to wait for more steps. The caller holds the lock."""
        record = self._cluster.record
        if not record.settings["Instances"]["KeepJobFlowAliveWhenNoSteps"]:
            failed = any(step.failure for step in record.steps)
            message = "Steps completed with errors" if failed else "Steps completed"
            return Ending(TERMINATED, "ALL_STEPS_COMPLETED", message)
        if record.state != WAITING:
            with self._cluster.change():
                record.state, record.idle_since = WAITING, now()
                record.reason = StateChangeReason(message="Cluster ready to run steps.")
        seconds_left = self._idle_seconds_left()
        if seconds_left is not None and seconds_left <= 0:
            timeout_s = record.settings["AutoTerminationPolicy"]["IdleTimeout"]
            return Ending(TERMINATED, "ALL_STEPS_COMPLETED", f"Auto-terminated: idle for {timeout_s} seconds")
        return None

    def _idle_seconds_left(self) -> float | None:
        """Return the seconds until the cluster ends by itself, or None when it does not."""
        record = self._cluster.record
        policy = record.settings.get("AutoTerminationPolicy")
        return record.idle_since + policy["IdleTimeout"] - now() if policy and record.idle_since else None

    def _finish(self, ending: Ending) -> None:
        cluster = self._cluster
        cluster.end(ending)
        ending = cluster.ending or ending
        with cluster.change() as record:
            for step in record.steps_in(PENDING):
                step.cancel("Job terminated")
        for thread in self._step_threads:
            thread.join()
        self._pause()
        cluster.folder.remove_scratch()
        with cluster.change() as record:
            record.state, record.ended_at = ending.state, now()
            record.idle_since = None

    def _pause(self) -> None:
        """Wait so that the state can be seen: EMR takes minutes to start and to end a cluster."""
        time.sleep(self._cluster.config.transition_s)
