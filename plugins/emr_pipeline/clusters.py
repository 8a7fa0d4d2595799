"""Clusters as EMR describes them: which one is a run's own, whether it is usable, and why it ended."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.links.emr import EmrClusterLink, EmrLogsLink, get_log_uri
from botocore.exceptions import ClientError

from emr_pipeline.s3_objects import error_code

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)

STARTING_STATES = ("STARTING", "BOOTSTRAPPING")
USABLE_STATES = ("RUNNING", "WAITING")
ENDED_STATES = ("TERMINATED", "TERMINATED_WITH_ERRORS")
# One that is TERMINATING takes no more steps: it is none to adopt, and none to start work on.
LOST_STATES = ("TERMINATING", *ENDED_STATES)
# Reasons that are EMR's or the region's, not the request's: another cluster may well start.
TRANSIENT_REASONS = frozenset({"INTERNAL_ERROR", "INSTANCE_FAILURE", "INSTANCE_FLEET_TIMEOUT"})


def describe(emr: Any, cluster_id: str) -> dict[str, Any]:
    cluster: dict[str, Any] = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    return cluster


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


def find_live(emr: Any, name: str, tags: Mapping[str, str]) -> str | None:
    """The live cluster of this name that carries all these tags; the oldest if, against all odds, there are two."""
    pages = emr.get_paginator("list_clusters").paginate(ClusterStates=[*STARTING_STATES, *USABLE_STATES])
    candidates = [summary for page in pages for summary in page["Clusters"] if summary["Name"] == name]
    own = [summary["Id"] for summary in candidates if _has_tags(describe(emr, summary["Id"]), tags)]
    if len(own) > 1:
        logger.warning("Clusters %s all carry the tags of this run; adopting %s", own, own[-1])
    # list_clusters is sorted by creation, newest first.
    return own[-1] if own else None


def _has_tags(cluster: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    carried = {tag["Key"]: tag["Value"] for tag in cluster.get("Tags", [])}
    return all(carried.get(key) == value for key, value in tags.items())


def terminate(emr: Any, cluster_id: str) -> None:
    """Ask for the end of a cluster; one that EMR has already forgotten is as good as ended."""
    try:
        emr.terminate_job_flows(JobFlowIds=[cluster_id])
    except ClientError as error:
        if error_code(error) != "InvalidRequestException":
            raise
        logger.info("EMR knows no cluster %s: nothing to terminate", cluster_id)


def persist_links(context: "Context", operator: Any, cluster_id: str) -> None:
    """Give a task the provider's own links to the cluster and to its logs."""
    where = {"region_name": operator.hook.conn_region_name, "aws_partition": operator.hook.conn_partition}
    log_uri = get_log_uri(emr_client=operator.hook.conn, job_flow_id=cluster_id)
    EmrClusterLink.persist(context=context, operator=operator, job_flow_id=cluster_id, **where)
    EmrLogsLink.persist(context=context, operator=operator, job_flow_id=cluster_id, log_uri=log_uri, **where)
