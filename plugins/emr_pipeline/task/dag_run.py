"""What a task knows of the DAG run that it belongs to, and how it reaches AWS."""

from datetime import datetime
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import Context

from emr_pipeline.emr.cluster_api import live_clusters, tags_of
from emr_pipeline.emr.cluster_costs import costs_of
from emr_pipeline.emr.job_flow import cluster_name, cluster_tags
from emr_pipeline.run.layout import RunLayout, run_prefix
from emr_pipeline.settings import Settings


def run_layout(context: Context, settings: Settings) -> RunLayout:
    """Return the URIs of this DAG run: under the name that its params give, else under one made from the run id.

    The logical date plays no part: a run that an asset triggered has none. Nor do the params that an automatic run
    repeats: no deployment and no snapshot gives its name to a run.
    """
    run = context["params"].get("run") or run_prefix(run_id(context))
    return RunLayout(settings.bucket, run)


def run_id(context: Context) -> str:
    return str(context["dag_run"].run_id)


def own_tags(context: Context, settings: Settings) -> dict[str, str]:
    """Return the tags that the clusters of this DAG run carry, and no others."""
    return cluster_tags(settings, context["dag"].dag_id, run_id(context))


def own_clusters(context: Context, operator: Any) -> list[str]:
    """Return the ids of this DAG run's live clusters, the oldest first: one or none, unless an attempt went wrong."""
    tags = own_tags(context, operator.settings)
    live = live_clusters(operator.hook.conn, cluster_name(run_layout(context, operator.settings)))
    return [cluster["Id"] for cluster in live if tags.items() <= tags_of(cluster).items()]


def run_costs(context: Context, operator: Any, emr: Any, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return what each cluster of this DAG run that has ended cost and, with `until`, what the others have cost so far.

    They are entries of costs/<run>.json.
    """
    settings, since = operator.settings, getattr(context["dag_run"], "run_after", None)
    tags = own_tags(context, settings)
    return costs_of(emr, run_layout(context, settings), tags, run_id(context), since, settings, until)


def aws_parameters(operator: Any) -> dict[str, Any]:
    """Return how an operator reaches AWS, as any hook or trigger takes it; a deferred task loses none of it."""
    return {
        "aws_conn_id": operator.aws_conn_id,
        "region_name": operator.region_name,
        "verify": operator.verify,
        "config": operator.botocore_config,
    }


def emr_client(operator: Any) -> Any:
    """Return an EMR client for an operator whose own hook is S3's."""
    return EmrHook(emr_conn_id=None, **aws_parameters(operator)).conn


def s3_client(operator: Any) -> Any:
    """Return an S3 client for an operator whose own hook is EMR's."""
    return S3Hook(**aws_parameters(operator)).conn


def emr_hook_without_retries(operator: Any) -> EmrHook:
    """Return a hook for requests that EMR would carry out twice; see idempotent_requests."""
    aws = aws_parameters(operator)
    config = {**(aws["config"] or {}), "retries": {"mode": "standard", "total_max_attempts": 1}}
    return EmrHook(emr_conn_id=None, **aws | {"config": config})
