"""Links of a task in Airflow's UI: the run's report and explorer, its folder in S3, its cluster and the cluster's logs.

They have the form of the provider's own links and need no plugin: Airflow stores the URL when the task ends.
"""

from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.providers.amazon.aws.links.emr import EmrClusterLink, EmrLogsLink, get_log_uri
from airflow.sdk import Context

from emr_pipeline.run.layout import RunLayout, split_uri
from emr_pipeline.task.dag_run import aws_parameters, run_layout

# The longest time for which a URL can be presigned; one signed with temporary credentials ends when they do.
EXPIRES_S = 7 * 24 * 3600


class ReportLink(BaseAwsLink):
    """Link to the page that validate_run writes; it opens without an AWS login until its signature expires."""

    name = "Report"
    key = "fruit_features_report"
    format_str = "{url}"


class ExplorerLink(BaseAwsLink):
    """Link to the map of the photographs, which is a page of its own: the report's link to it has no signature."""

    name = "Explorer"
    key = "fruit_features_explorer"
    format_str = "{url}"


class RunFolderLink(BaseAwsLink):
    """Link to everything that the run wrote: a page of the AWS console, or the listing of another S3 endpoint."""

    name = "Data in S3"
    key = "fruit_features_run_folder"
    format_str = "{url}"


def persist_run_links(context: Context, operator: Any) -> None:
    """Give a task of this run the links to its report, its explorer and its folder."""
    aws = aws_parameters(operator)
    # Encrypted objects open with a signature of version 4 only, and boto3 still makes the old one in some regions.
    hook = S3Hook(**aws | {"config": {**(aws["config"] or {}), "signature_version": "s3v4"}})
    layout = run_layout(context, operator.settings)
    where = {"region_name": hook.conn_region_name, "aws_partition": hook.conn_partition}
    for link, uri in ((ReportLink, layout.report_page_uri), (ExplorerLink, layout.explorer_uri)):
        link.persist(context=context, operator=operator, url=page_url(hook.conn, uri), **where)
    folder = _folder_url(hook.conn, layout, hook.conn_partition)
    RunFolderLink.persist(context=context, operator=operator, url=folder, **where)


def persist_cluster_links(context: Context, operator: Any, cluster_id: str) -> None:
    """Give a task the provider's own links to the cluster and to its logs."""
    where = {"region_name": operator.hook.conn_region_name, "aws_partition": operator.hook.conn_partition}
    log_uri = get_log_uri(emr_client=operator.hook.conn, job_flow_id=cluster_id)
    EmrClusterLink.persist(context=context, operator=operator, job_flow_id=cluster_id, **where)
    EmrLogsLink.persist(context=context, operator=operator, job_flow_id=cluster_id, log_uri=log_uri, **where)


def page_url(s3: Any, uri: str, expires_s: int = EXPIRES_S) -> str:
    """Return an address of a page in S3 that opens without an AWS login for so many seconds."""
    bucket, key = split_uri(uri)
    url: str = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": bucket, "Key": key, "ResponseContentType": "text/html; charset=utf-8"},
        ExpiresIn=expires_s,
    )
    return url


def _folder_url(s3: Any, layout: RunLayout, partition: str) -> str:
    bucket, prefix = split_uri(f"{layout.run_uri}/")
    if ".amazonaws.com" in s3.meta.endpoint_url:
        console = BASE_AWS_CONSOLE_LINK.format(aws_domain=BaseAwsLink.get_aws_domain(partition))
        return f"{console}/s3/buckets/{bucket}?prefix={prefix}"
    parameters = {"Bucket": bucket, "Prefix": prefix}
    url: str = s3.generate_presigned_url("list_objects_v2", Params=parameters, ExpiresIn=EXPIRES_S)
    return url
