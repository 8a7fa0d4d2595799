"""Requests to EMR: which clusters belong to a run and how they are, and to end a cluster or a step."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.emr.cluster_states import STARTING_STATES, USABLE_STATES
from emr_pipeline.s3.objects import error_code

logger = logging.getLogger(__name__)


def describe(emr: Any, cluster_id: str) -> dict[str, Any]:
    cluster: dict[str, Any] = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    return cluster


def live_clusters(emr: Any, name_prefix: str) -> list[dict[str, Any]]:
    """Return every live cluster whose name begins like that, as EMR describes it, the oldest first."""
    return _described(emr, (*STARTING_STATES, *USABLE_STATES), lambda name: name.startswith(name_prefix))


def clusters_since(emr: Any, name: str, since: datetime | None, states: Iterable[str]) -> list[dict[str, Any]]:
    """Return every cluster of this name in one of these states, made after a moment, as EMR describes it."""
    after = {} if since is None else {"CreatedAfter": since}
    return _described(emr, states, lambda found: found == name, **after)


def _described(emr: Any, states: Iterable[str], is_wanted: Callable[[str], bool], **after: Any) -> list[dict[str, Any]]:
    pages = emr.get_paginator("list_clusters").paginate(ClusterStates=list(states), **after)
    ids = [summary["Id"] for page in pages for summary in page["Clusters"] if is_wanted(summary["Name"])]
    # list_clusters is sorted by creation, newest first, and gives no tags.
    return [describe(emr, cluster_id) for cluster_id in reversed(ids)]


def instances(emr: Any, cluster_id: str) -> list[dict[str, Any]]:
    """Return every instance that a cluster ever had."""
    pages = emr.get_paginator("list_instances").paginate(ClusterId=cluster_id)
    return [instance for page in pages for instance in page["Instances"]]


def add_task_fleet(emr: Any, cluster_id: str, fleet: dict[str, Any]) -> None:
    """Add a fleet of task nodes to a cluster that runs, unless it has one already.

    If EMR refuses, the run goes on without them, as it does where there is no Spot capacity.
    """
    try:
        if _task_fleet(emr, cluster_id) is None:
            emr.add_instance_fleet(ClusterId=cluster_id, InstanceFleet=fleet)
            logger.info("Asked for %s Spot units of task nodes for %s", fleet["TargetSpotCapacity"], cluster_id)
    except (BotoCoreError, ClientError) as error:
        # A request that was repeated is refused, if its first answer was lost.
        logger.warning("%s goes on with the task nodes that it has, if any: EMR gave no more: %s", cluster_id, error)


def release_task_fleet(emr: Any, cluster_id: str) -> None:
    """Give the task nodes of a cluster back, if it has any. If EMR refuses, they stay until the cluster ends."""
    try:
        fleet = _task_fleet(emr, cluster_id)
        if fleet and (fleet.get("TargetOnDemandCapacity") or fleet.get("TargetSpotCapacity")):
            nothing = {"InstanceFleetId": fleet["Id"], "TargetOnDemandCapacity": 0, "TargetSpotCapacity": 0}
            emr.modify_instance_fleet(ClusterId=cluster_id, InstanceFleet=nothing)
            logger.info("Gave the task nodes of %s back", cluster_id)
    except (BotoCoreError, ClientError) as error:
        logger.warning("The task nodes of %s stay until it ends: %s", cluster_id, error)


def _task_fleet(emr: Any, cluster_id: str) -> Any:
    pages = emr.get_paginator("list_instance_fleets").paginate(ClusterId=cluster_id)
    fleets = (fleet for page in pages for fleet in page["InstanceFleets"])
    return next((fleet for fleet in fleets if fleet["InstanceFleetType"] == "TASK"), None)


def tags_of(cluster: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a cluster as EMR describes it.

    >>> tags_of({"Id": "j-1", "Tags": [{"Key": "team", "Value": "fruit"}]})
    {'team': 'fruit'}
    """
    return {tag["Key"]: tag.get("Value", "") for tag in cluster.get("Tags", [])}


def terminate(emr: Any, cluster_id: str) -> None:
    """Ask EMR to end a cluster; one that EMR has already forgotten counts as ended."""
    try:
        emr.terminate_job_flows(JobFlowIds=[cluster_id])
    except ClientError as error:
        if error_code(error) != "InvalidRequestException":
            raise
        logger.info("EMR knows no cluster %s: nothing to terminate", cluster_id)


def cancel_step(emr: Any, cluster_id: str, step_id: str) -> None:
    """End a step's process at once; a step that is over, or whose cluster is gone, needs no cancelling."""
    request = {"ClusterId": cluster_id, "StepIds": [step_id], "StepCancellationOption": "TERMINATE_PROCESS"}
    try:
        response = emr.cancel_steps(**request)
    except ClientError as error:
        # The cluster takes no more requests, so its steps are over.
        if error_code(error) not in ("InvalidRequestException", "ValidationException"):
            raise
        logger.info("Step %s is over with its cluster %s: %s", step_id, cluster_id, error)
        return
    for step in response.get("CancelStepsInfoList", []):
        logger.info("Cancelling step %s: %s %s", step["StepId"], step["Status"], step.get("Reason", ""))
