"""What a task leaves to the triggerer, and the event that it gets back."""

from typing import Any

from airflow.sdk import Context

from emr_pipeline.task.dag_run import run_id

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
