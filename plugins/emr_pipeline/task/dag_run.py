"""What a task knows of the DAG run that it is part of."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from emr_pipeline.emr.job_flow import cluster_tags
from emr_pipeline.run.layout import RunLayout, run_prefix
from emr_pipeline.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


def run_layout(context: "Context", settings: Settings) -> RunLayout:
    """The URIs of this DAG run: under the name its params give, else under one made from the run id.

    Never from the logical date, which a run that an asset triggered does not have.
    """
    run = context["params"].get("run") or run_prefix(run_id(context))
    return RunLayout(settings.bucket, run)


def run_id(context: "Context") -> str:
    return str(context["dag_run"].run_id)


def task_name(context: "Context", operator: Any) -> str:
    """Names this task of this DAG run, and no other."""
    return f"{context['dag'].dag_id}/{run_id(context)}/{operator.task_id}"


def own_event(context: "Context", operator: Any, event: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the task's own trigger told; None if Airflow gave it what another task's told.

    Its triggers are known by their ids, and SQLite gives the id of a trigger that is gone to the next one: after a task
    was cleared, Airflow 3.0 may take the one for the other. Then only the task itself can tell, and must look anew.
    """
    if event is not None and event.get("waiting_task") == task_name(context, operator):
        return event
    operator.log.warning("What another task's trigger told came here, so this task looks anew: %s", event)
    return None


def own_tags(context: "Context", layout: RunLayout) -> dict[str, str]:
    """The tags that this DAG run's clusters carry, and no other's."""
    return cluster_tags(context["dag"].dag_id, run_id(context), layout.bucket)


def aws_parameters(operator: Any) -> dict[str, Any]:
    """How an operator reaches AWS, as any hook or trigger takes it; a deferred one loses nothing of it that way."""
    return {
        "aws_conn_id": operator.aws_conn_id,
        "region_name": operator.region_name,
        "verify": operator.verify,
        "config": operator.botocore_config,
    }


def s3_client(operator: Any) -> Any:
    """The S3 client of an operator whose own hook is EMR's."""
    return S3Hook(**aws_parameters(operator)).conn


def emr_hook_without_retries(operator: Any) -> EmrHook:
    """For requests that EMR would carry out twice; see making_once."""
    aws = aws_parameters(operator)
    config = {**(aws["config"] or {}), "retries": {"mode": "standard", "total_max_attempts": 1}}
    return EmrHook(emr_conn_id=None, **aws | {"config": config})
