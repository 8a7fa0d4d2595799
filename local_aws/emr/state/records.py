"""Records of a cluster: plain fields that can be JSON. Everything else about a cluster is computed from them."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import asdict, dataclass, field
from typing import Any

STARTING, BOOTSTRAPPING, RUNNING, WAITING = "STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"
TERMINATING, TERMINATED, TERMINATED_WITH_ERRORS = "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"
PENDING, CANCEL_PENDING, COMPLETED, CANCELLED, FAILED = "PENDING", "CANCEL_PENDING", "COMPLETED", "CANCELLED", "FAILED"

ENDED_STATES = frozenset({TERMINATED, TERMINATED_WITH_ERRORS})
ENDING_STATES = ENDED_STATES | {TERMINATING}
ACTIVE_STEP_STATES = frozenset({PENDING, RUNNING, CANCEL_PENDING})

JsonObject = dict[str, Any]


def now() -> float:
    """Return the seconds since 1970, rounded to milliseconds as EMR does."""
    return round(time.time(), 3)


def make_id(prefix: str, alphabet: str = string.ascii_uppercase + string.digits, length: int = 13) -> str:
    """Make an identifier that looks like one of AWS: `j-2AXXXXXXGAPLF`."""
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


def make_ec2_id() -> str:
    return make_id("i-", alphabet="0123456789abcdef", length=17)


@dataclass
class StateChangeReason:
    """Reason why a cluster or a step is in its state. EMR gives no code while all is well."""

    code: str | None = None
    message: str | None = None


@dataclass
class StepFailure:
    reason: str
    message: str
    log_file: str | None


@dataclass
class StepRecord:
    id: str
    config: JsonObject
    """The StepConfig of the request."""
    created_at: float
    state: str = PENDING
    started_at: float | None = None
    ended_at: float | None = None
    reason: StateChangeReason = field(default_factory=StateChangeReason)
    failure: StepFailure | None = None

    @property
    def action_on_failure(self) -> str:
        return str(self.config.get("ActionOnFailure", "TERMINATE_CLUSTER"))

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STEP_STATES


@dataclass
class InstanceRecord:
    id: str
    ec2_id: str
    instance_type: str
    market: str


@dataclass
class InstanceCollection:
    """An instance group or an instance fleet; nothing runs on its instances, for the machine is one."""

    id: str
    role: str
    config: JsonObject
    """The InstanceGroupConfig or InstanceFleetConfig of the request."""
    instances: list[InstanceRecord]


@dataclass
class ClusterRecord:
    id: str
    account: str
    region: str
    request: JsonObject
    """RunJobFlow as it was sent. What can change later has its own fields below."""
    created_at: float
    keep_alive: bool
    termination_protected: bool
    step_concurrency_level: int
    tags: dict[str, str]
    instance_collection_type: str
    instance_collections: list[InstanceCollection]
    visible_to_all_users: bool = True
    unhealthy_node_replacement: bool = False
    state: str = STARTING
    reason: StateChangeReason = field(default_factory=StateChangeReason)
    error_details: list[JsonObject] = field(default_factory=list)
    ready_at: float | None = None
    ended_at: float | None = None
    idle_since: float | None = None
    steps: list[StepRecord] = field(default_factory=list)
    auto_termination_policy: JsonObject | None = None
    managed_scaling_policy: JsonObject | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticmapreduce:{self.region}:{self.account}:cluster/{self.id}"

    @property
    def is_ending(self) -> bool:
        return self.state in ENDING_STATES

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_STATES

    @property
    def primary_instance(self) -> InstanceRecord:
        return next(c for c in self.instance_collections if c.role == "MASTER").instances[0]

    @property
    def log_uri(self) -> str | None:
        """The place of this cluster's logs without a slash at the end, or None when the cluster has no LogUri."""
        uri = self.request.get("LogUri")
        return f"{uri.rstrip('/')}/{self.id}" if uri else None

    def steps_in(self, *states: str) -> list[StepRecord]:
        return [step for step in self.steps if step.state in states]

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: JsonObject) -> ClusterRecord:
        steps = [
            StepRecord(
                **step
                | {
                    "reason": StateChangeReason(**step["reason"]),
                    "failure": StepFailure(**step["failure"]) if step["failure"] else None,
                }
            )
            for step in fields["steps"]
        ]
        collections = [
            InstanceCollection(**c | {"instances": [InstanceRecord(**i) for i in c["instances"]]})
            for c in fields["instance_collections"]
        ]
        reason = StateChangeReason(**fields["reason"])
        return cls(**fields | {"steps": steps, "instance_collections": collections, "reason": reason})
