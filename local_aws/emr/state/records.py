"""Records of a cluster: plain fields that can be JSON. Everything else about a cluster is computed from them."""

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

ClusterState = Literal[
    "STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"
]
StepState = Literal["PENDING", "CANCEL_PENDING", "RUNNING", "COMPLETED", "CANCELLED", "FAILED"]
CollectionType = Literal["INSTANCE_GROUP", "INSTANCE_FLEET"]
JsonObject = dict[str, Any]


def now() -> float:
    """Return the seconds since 1970, rounded to milliseconds as EMR does."""
    return round(time.time(), 3)


def make_id(prefix: str) -> str:
    """Make an identifier that looks like one of AWS: `j-2AXXXXXXGAPLF`."""
    return prefix + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13))


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
    config: JsonObject
    """The StepConfig of the request."""
    id: str = field(default_factory=lambda: make_id("s-"))
    created_at: float = field(default_factory=now)
    state: StepState = "PENDING"
    started_at: float | None = None
    ended_at: float | None = None
    reason: StateChangeReason = field(default_factory=StateChangeReason)
    failure: StepFailure | None = None

    @property
    def action_on_failure(self) -> str:
        return str(self.config.get("ActionOnFailure", "TERMINATE_CLUSTER"))

    def cancel(self, why: str) -> None:
        self.state, self.ended_at, self.reason = "CANCELLED", now(), StateChangeReason("NONE", why)


@dataclass
class FleetResize:
    """The capacities that an instance fleet had from a moment on, by market."""

    fleet: int
    """Its place among the InstanceFleets of the settings."""
    at: float
    capacities: dict[str, int]


@dataclass
class ClusterRecord:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    account: str
    region: str
    settings: JsonObject
    """RunJobFlow as it was sent, with EMR's defaults and what later requests changed."""
    steps: list[StepRecord]
    created_at: float = field(default_factory=now)
    state: ClusterState = "STARTING"
    reason: StateChangeReason = field(default_factory=StateChangeReason)
    error_details: list[JsonObject] = field(default_factory=list)
    fleet_resizes: list[FleetResize] = field(default_factory=list)
    """Those of fleets that were added or resized. Any other fleet has its first capacities from the beginning."""
    ready_at: float | None = None
    ended_at: float | None = None
    idle_since: float | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticmapreduce:{self.region}:{self.account}:cluster/{self.id}"

    @property
    def is_ending(self) -> bool:
        return self.has_ended or self.state == "TERMINATING"

    @property
    def has_ended(self) -> bool:
        return self.state in ("TERMINATED", "TERMINATED_WITH_ERRORS")

    @property
    def is_protected(self) -> bool:
        return bool(self.settings["Instances"]["TerminationProtected"])

    @property
    def step_concurrency(self) -> int:
        return int(self.settings["StepConcurrencyLevel"])

    @property
    def instance_collection_type(self) -> CollectionType:
        return "INSTANCE_FLEET" if self.settings["Instances"].get("InstanceFleets") else "INSTANCE_GROUP"

    @property
    def log_uri(self) -> str | None:
        """The place of this cluster's logs without a slash at the end, or None when the cluster has no LogUri."""
        uri = self.settings.get("LogUri")
        return f"{uri.rstrip('/')}/{self.id}" if uri else None

    @property
    def active_steps(self) -> list[StepRecord]:
        return [step for step in self.steps if step.state in ("PENDING", "RUNNING", "CANCEL_PENDING")]

    @property
    def pending_steps(self) -> list[StepRecord]:
        return [step for step in self.steps if step.state == "PENDING"]
