"""One cluster as the API changes it. `lifecycle` has what it does by itself."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from moto.emr.exceptions import InvalidRequestException, ValidationException

from local_aws.config import EndpointConfig
from local_aws.emr.node.node import Node
from local_aws.emr.node.session_process import SessionProcess
from local_aws.emr.state.cluster_folder import ClusterFolder
from local_aws.emr.state.limits import check_steps
from local_aws.emr.state.records import ClusterRecord, ClusterState, JsonObject, StateChangeReason, StepRecord


class Cluster:
    """A cluster's record, the lock that guards it, and the processes that run for it."""

    def __init__(self, record: ClusterRecord, config: EndpointConfig) -> None:
        self.record, self.config, self.id = record, config, record.id
        self.folder = ClusterFolder(config.work / record.id)
        self.node = Node(config, record, self.folder)
        self.changed = threading.Condition()
        self.last_state: ClusterState = "TERMINATED"
        self.processes: dict[str, SessionProcess] = {}
        """What runs, by the names of the commands. Both who adds and who looks holds the lock."""

    @contextmanager
    def change(self) -> Iterator[ClusterRecord]:
        """Hold the lock; then write the record to disk, and wake all who wait for a change."""
        with self.changed:
            yield self.record
            self.folder.save(self.record)
            self.changed.notify_all()

    @contextmanager
    def change_living(self) -> Iterator[ClusterRecord]:
        """Do the same for a change that EMR refuses when a cluster is ending."""
        with self.change() as record:
            if record.is_ending:
                raise ValidationException(
                    "A job flow that is shutting down, terminated, or finished may not be modified."
                )
            yield record

    def add_steps(self, configs: Sequence[JsonObject]) -> list[str]:
        with self.change_living() as record:
            check_steps(configs, len(record.active_steps), record.step_concurrency)
            steps = [StepRecord(config) for config in configs]
            record.steps += steps
        return [step.id for step in steps]

    def step(self, step_id: str) -> StepRecord:
        for step in self.record.steps:
            if step.id == step_id:
                return step
        raise InvalidRequestException(f"Step id '{step_id}' is not valid.")

    def cancel_steps(self, step_ids: Sequence[str], kill: bool) -> list[JsonObject]:
        """Cancel steps: a pending step at once, a running step when its process has ended."""
        with self.change_living():
            return [self._cancel_step(step, kill) for step in [self.step(step_id) for step_id in step_ids]]

    def _cancel_step(self, step: StepRecord, kill: bool) -> JsonObject:
        if step.state == "PENDING":
            step.cancel("Cancelled by user")
        elif step.state in ("RUNNING", "CANCEL_PENDING"):
            step.state = "CANCEL_PENDING"
            if process := self.processes.get(step.id):
                process.kill() if kill else process.interrupt(self.config.interrupt_grace_s)
        else:
            return {"StepId": step.id, "Status": "FAILED", "Reason": f"Step is in state {step.state}: not cancelled."}
        return {"StepId": step.id, "Status": "SUBMITTED"}

    def end(self, last_state: ClusterState, code: str, message: str) -> None:
        """Begin the end, for the reason that is given first. A cluster that is ending does not change."""
        with self.change() as record:
            if record.is_ending:
                return
            self.last_state = last_state
            record.state, record.reason = "TERMINATING", StateChangeReason(code, message)
            for process in self.processes.values():
                process.interrupt(self.config.interrupt_grace_s)

    def kill_processes(self) -> None:
        with self.changed:
            for process in self.processes.values():
                process.kill()
