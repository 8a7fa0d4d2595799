"""What the state of a cluster means, in the terms of EMR's DescribeCluster."""

from collections.abc import Mapping
from typing import Any

STARTING_STATES = ("STARTING", "BOOTSTRAPPING")
USABLE_STATES = ("RUNNING", "WAITING")
ENDED_STATES = ("TERMINATED", "TERMINATED_WITH_ERRORS")
# One that is TERMINATING takes no more steps: it is none to adopt, and none to start work on.
LOST_STATES = ("TERMINATING", *ENDED_STATES)
# Reasons that are EMR's or the region's, not the request's: another cluster may well start.
TRANSIENT_REASONS = frozenset({"INTERNAL_ERROR", "INSTANCE_FAILURE", "INSTANCE_FLEET_TIMEOUT"})


def state_of(cluster: Mapping[str, Any]) -> str:
    return str(cluster["Status"]["State"])


def is_settled(state: str, until_gone: bool) -> bool:
    """Whether waiting longer can change nothing: the cluster is gone, or (unless that is awaited) usable."""
    return state in (ENDED_STATES if until_gone else (*USABLE_STATES, *LOST_STATES))


def reason_text(cluster: Mapping[str, Any]) -> str:
    """`BOOTSTRAP_FAILURE: On the master instance ...`, as EMR says it."""
    reason = cluster["Status"].get("StateChangeReason", {})
    return f"{reason.get('Code') or 'no reason code'}: {reason.get('Message') or 'no message'}"


def is_transient(cluster: Mapping[str, Any]) -> bool:
    return cluster["Status"].get("StateChangeReason", {}).get("Code") in TRANSIENT_REASONS


def is_protected(cluster: Mapping[str, Any]) -> bool:
    """EMR says yes to ending a protected cluster on some paths, and leaves it running."""
    return bool(cluster.get("TerminationProtected")) and state_of(cluster) not in LOST_STATES


def protection_text(cluster_id: str) -> str:
    return (
        f"cluster {cluster_id} is protected from termination and goes on costing money: turn the protection off "
        f"(aws emr modify-cluster-attributes --no-termination-protected --cluster-id {cluster_id})"
    )
