"""One cluster as the API changes it. `lifecycle` has what it does by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from local_aws.emr.cluster.cluster_store import ClusterStore
from local_aws.emr.config import LocalEmrConfig
from local_aws.emr.errors import ClusterEndedError, NoSuchStepError
from local_aws.emr.node.session_process import SessionProcess
from local_aws.emr.state.limits import check_steps
from local_aws.emr.state.records import (
    CANCEL_PENDING,
    CANCELLED,
    PENDING,
    RUNNING,
    TERMINATED,
    TERMINATING,
    ClusterRecord,
    JsonObject,
    StateChangeReason,
    StepRecord,
    make_id,
    now,
)


@dataclass(frozen=True)
class Ending:
    """State and reason of a cluster's end."""

    state: str
    code: str
    message: str


USER_REQUEST = Ending(TERMINATED, "USER_REQUEST", "Terminated by user request")


class Cluster:
    """A cluster's record, the lock that guards it, and the processes that run for it."""

    def __init__(self, record: ClusterRecord, config: LocalEmrConfig, store: ClusterStore) -> None:
        self.record, self.config, self._store = record, config, store
        self.folder = store.folder(record.id)
        self.changed = threading.Condition()
        self.ending: Ending | None = None
        self._processes: dict[str, SessionProcess] = {}

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def arn(self) -> str:
        """The name that moto's resource tagging API reads, as it reads the tags."""
        return self.record.arn

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.record.tags.items()]

    @contextmanager
    def change(self) -> Iterator[ClusterRecord]:
        """Hold the lock; then write the record to disk, and wake all who wait for a change."""
        with self.changed:
            yield self.record
            self._store.save(self.record)
            self.changed.notify_all()

    @contextmanager
    def change_living(self) -> Iterator[ClusterRecord]:
        """Do the same for a change that EMR refuses when a cluster is ending."""
        with self.change() as record:
            if record.is_ending:
                raise ClusterEndedError
            yield record

    def add_steps(self, configs: Sequence[JsonObject]) -> list[str]:
        with self.change_living() as record:
            active = sum(step.is_active for step in record.steps)
            check_steps(configs, active, record.step_concurrency_level)
            steps = [StepRecord(make_id("s-"), dict(config), created_at=now()) for config in configs]
            record.steps += steps
        return [step.id for step in steps]

    def step(self, step_id: str) -> StepRecord:
        for step in self.record.steps:
            if step.id == step_id:
                return step
        raise NoSuchStepError(step_id)

    def cancel_steps(self, step_ids: Sequence[str], kill: bool) -> list[JsonObject]:
        """Cancel steps: a pending step at once, a running step when its process has ended."""
        with self.change_living():
            return [self._cancel_step(step, kill) for step in [self.step(step_id) for step_id in step_ids]]

    def _cancel_step(self, step: StepRecord, kill: bool) -> JsonObject:
        if step.state == PENDING:
            cancel(step, "Cancelled by user")
        elif step.state in (RUNNING, CANCEL_PENDING):
            step.state = CANCEL_PENDING
            if process := self._processes.get(step.id):
                process.kill() if kill else process.interrupt(self.config.interrupt_grace_s)
        else:
            return {"StepId": step.id, "Status": "FAILED", "Reason": f"Step is in state {step.state}: not cancelled."}
        return {"StepId": step.id, "Status": "SUBMITTED"}

    def end(self, ending: Ending) -> None:
        """Begin the end, for the reason that is given first. A cluster that is ending does not change."""
        with self.change() as record:
            if record.is_ending:
                return
            self.ending = ending
            record.state = TERMINATING
            record.reason = StateChangeReason(ending.code, ending.message)
            for process in self._processes.values():
                process.interrupt(self.config.interrupt_grace_s)

    def kill_processes(self) -> None:
        with self.changed:
            for process in self._processes.values():
                process.kill()

    def attach(self, name: str, process: SessionProcess) -> None:
        """Attach a started process. The caller holds the lock, so that nobody looks for the process before this."""
        self._processes[name] = process

    def detach(self, name: str) -> None:
        """Detach a process that has ended. The caller holds the lock."""
        self._processes.pop(name, None)


def cancel(step: StepRecord, why: str) -> None:
    step.state, step.ended_at = CANCELLED, now()
    step.reason = StateChangeReason("NONE", why)
