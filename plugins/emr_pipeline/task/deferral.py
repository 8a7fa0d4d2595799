"""What a task leaves to the triggerer, and the event that it gets back."""

import time
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import Context

from emr_pipeline.emr import cluster_api
from emr_pipeline.emr.cluster_states import is_settled, state_of
from emr_pipeline.emr.triggers import ClusterTrigger, PauseTrigger
from emr_pipeline.task.dag_run import aws_parameters, run_id

# The trigger reports the deadline itself. Airflow's own timeout is for the case that no triggerer runs.
TRIGGERER_SLACK_S = 120


def task_name(context: Context, operator: Any) -> str:
    """Return a name that this task of this DAG run has, and no other task."""
    return f"{context['dag'].dag_id}/{run_id(context)}/{operator.task_id}"


def own_event(context: Context, operator: Any, event: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the event if the task's own trigger sent it; None if Airflow delivered another task's event.

    Airflow knows triggers by their ids, and SQLite gives the id of a deleted trigger to the next one. After a task was
    cleared, Airflow 3.0 may therefore mistake one trigger for the other. Then the task has to look for itself again.
    """
    if event is not None and event.get("waiting_task") == task_name(context, operator):
        return event
    operator.log.warning("This event belongs to another task, so this task looks for itself again: %s", event)
    return None


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


def pause(context: Context, operator: Any, pause_s: int, seen: dict[str, Any]) -> NoReturn:
    """Defer for a duration; then `execute_complete` is called with what was seen as its event, for `own_event`."""
    own = {**seen, "waiting_task": task_name(context, operator)}
    # A triggerer that is started again waits from the beginning.
    timeout = timedelta(seconds=2 * pause_s + TRIGGERER_SLACK_S)
    operator.defer(trigger=PauseTrigger(pause_s, own), method_name="execute_complete", timeout=timeout)
    raise AssertionError("defer does not return")
