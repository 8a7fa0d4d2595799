"""Links beside a task in Airflow's UI: the run's report, and its folder in S3.

In form they are the provider's own links, and so need no AirflowPlugin: Airflow stores the URL when the task ends.
"""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink

from emr_pipeline.run.layout import RunLayout, split_uri
from emr_pipeline.task.dag_run import aws_parameters, run_layout

if TYPE_CHECKING:
    from airflow.sdk import Context

# As long as a presigned URL can last; one that temporary credentials signed ends with them.
EXPIRES_S = 7 * 24 * 3600


class ReportLink(BaseAwsLink):
    """The page that validate_run writes; opens without an AWS login, until the signature expires."""

    name = "Report"
    key = "fruit_features_report"
    format_str = "{url}"


class RunFolderLink(BaseAwsLink):
    """Everything that the run wrote: a page of the AWS console, or the listing of another S3 endpoint."""

    name = "Data in S3"
    key = "fruit_features_run_folder"
    format_str = "{url}"


def persist_run_links(context: "Context", operator: Any) -> None:
    """Give a task of this run both links."""
    aws = aws_parameters(operator)
    # Encrypted objects open by a signature of version 4 only, and boto3 still makes the old one in some regions.
    hook = S3Hook(**aws | {"config": {**(aws["config"] or {}), "signature_version": "s3v4"}})
    layout = run_layout(context, operator.settings)
    where = {"region_name": hook.conn_region_name, "aws_partition": hook.conn_partition}
    ReportLink.persist(context=context, operator=operator, url=_presigned_report(hook.conn, layout), **where)
    folder = _folder_url(hook.conn, layout, hook.conn_partition)
    RunFolderLink.persist(context=context, operator=operator, url=folder, **where)


def _presigned_report(s3: Any, layout: RunLayout) -> str:
    bucket, key = split_uri(layout.report_page_uri)
    url: str = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": bucket, "Key": key, "ResponseContentType": "text/html; charset=utf-8"},
        ExpiresIn=EXPIRES_S,
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
