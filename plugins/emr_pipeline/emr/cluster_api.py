"""What tasks ask of EMR about clusters: which one is a run's own, how it is, and to end it."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.links.emr import EmrClusterLink, EmrLogsLink, get_log_uri
from botocore.exceptions import ClientError

from emr_pipeline.emr.cluster_states import STARTING_STATES, USABLE_STATES
from emr_pipeline.s3.objects import error_code

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)


def describe(emr: Any, cluster_id: str) -> dict[str, Any]:
    cluster: dict[str, Any] = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    return cluster


def find_live(emr: Any, name: str, tags: Mapping[str, str]) -> list[str]:
    """The live clusters of this name that carry all these tags, the oldest first: one or none, but for a mishap."""
    return [cluster["Id"] for cluster in live_clusters(emr, name) if has_tags(cluster, tags)]


def live_clusters(emr: Any, name_prefix: str) -> list[dict[str, Any]]:
    """Every live cluster whose name begins like that, as EMR describes it, the oldest first."""
    pages = emr.get_paginator("list_clusters").paginate(ClusterStates=[*STARTING_STATES, *USABLE_STATES])
    ids = [summary["Id"] for page in pages for summary in page["Clusters"] if summary["Name"].startswith(name_prefix)]
    # list_clusters is sorted by creation, newest first; and it gives no tags.
    return [describe(emr, cluster_id) for cluster_id in reversed(ids)]


def tags_of(cluster: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in cluster.get("Tags", [])}


def has_tags(cluster: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    return tags.items() <= tags_of(cluster).items()


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
