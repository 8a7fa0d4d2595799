"""Meaning of a cluster's state, in the terms of EMR's DescribeCluster."""

from collections.abc import Mapping
from typing import Any

STARTING_STATES = ("STARTING", "BOOTSTRAPPING")
USABLE_STATES = ("RUNNING", "WAITING")
ENDED_STATES = ("TERMINATED", "TERMINATED_WITH_ERRORS")
# A cluster that is TERMINATING takes no more steps, so no run adopts it.
LOST_STATES = ("TERMINATING", *ENDED_STATES)
# Reasons that lie with EMR or the region and not with the request: another cluster may start.
TRANSIENT_REASONS = frozenset({"INTERNAL_ERROR", "INSTANCE_FAILURE", "INSTANCE_FLEET_TIMEOUT"})


def state_of(cluster: Mapping[str, Any]) -> str:
    return str(cluster["Status"]["State"])


def is_settled(state: str, until_gone: bool) -> bool:
    """Return whether waiting longer can change nothing: the cluster is gone, or usable where that is awaited.

    >>> is_settled("WAITING", until_gone=False), is_settled("WAITING", until_gone=True)
    (True, False)
    """
    return state in (ENDED_STATES if until_gone else (*USABLE_STATES, *LOST_STATES))


def reason_text(cluster: Mapping[str, Any]) -> str:
    """Return why a cluster changed its state, in EMR's own words.

    >>> reason_text({"Status": {"StateChangeReason": {"Code": "USER_REQUEST", "Message": "Terminated by user"}}})
    'USER_REQUEST: Terminated by user'
    """
    reason = cluster["Status"].get("StateChangeReason", {})
    return f"{reason.get('Code') or 'no reason code'}: {reason.get('Message') or 'no message'}"


def is_transient(cluster: Mapping[str, Any]) -> bool:
    return cluster["Status"].get("StateChangeReason", {}).get("Code") in TRANSIENT_REASONS


def is_protected(cluster: Mapping[str, Any]) -> bool:
    """Return whether a live cluster is protected: EMR may accept the request to end it, and leave it running."""
    return bool(cluster.get("TerminationProtected")) and state_of(cluster) not in LOST_STATES


def protection_text(cluster_id: str) -> str:
    return (
        f"cluster {cluster_id} is protected from termination and goes on costing money: turn the protection off "
        f"(aws emr modify-cluster-attributes --no-termination-protected --cluster-id {cluster_id})"
    )
