"""Base of the operators that need S3 alone."""

from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.settings import Settings


class S3Operator(AwsBaseOperator[S3Hook]):
    """Operator with the deployment's settings, and S3's client in `hook.conn`."""

    aws_hook_class = S3Hook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
