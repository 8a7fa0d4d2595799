"""The wait for a cluster until it is usable or gone, or until its time is over."""

import time
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import is_settled, state_of
from emr_pipeline.emr.triggers import ClusterTrigger
from emr_pipeline.task.dag_run import aws_parameters
from emr_pipeline.task.deferral import TRIGGERER_SLACK_S, task_name


def wait_for_cluster(
    context: Context, operator: Any, cluster_id: str, until_gone: bool, started_at: float | None = None
) -> None:
    """Return once the wait is over, or defer; then `execute_complete` is called with the cluster's id in its event.

    `execute_complete` calls this again, with the `started_at` of that event: a trigger that could not ask EMR stops and
    says so, and the wait goes on here until the same deadline. The caller looks at the cluster's state for itself: this
    function reports neither how the wait ended nor why.
    """
    settings = operator.settings
    started_at = time.time() if started_at is None else started_at
    deadline = started_at + settings.cluster_time_limit_s
    state = state_of(cluster_api.describe(operator.hook.conn, cluster_id))
    operator.log.info("Cluster %s is %s", cluster_id, state)
    if is_settled(state, until_gone) or time.time() >= deadline:
        return
    operator.defer(
        trigger=ClusterTrigger(
            waiting_task=task_name(context, operator),
            cluster_id=cluster_id,
            until_gone=until_gone,
            aws=aws_parameters(operator),
            poll_s=settings.poll_s,
            started_at=started_at,
            deadline=deadline,
        ),
        method_name="execute_complete",
        timeout=timedelta(seconds=settings.cluster_time_limit_s + TRIGGERER_SLACK_S),
    )
