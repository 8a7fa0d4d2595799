"""Refuses a run that cannot work while that still costs nothing: before a cluster exists."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.compat import AirflowFailException
from emr_pipeline.dag_run import run_layout
from emr_pipeline.errors import ParamsError, PipelineError
from emr_pipeline.layout import split_uri
from emr_pipeline.param_checks import check_params, weights_location
from emr_pipeline.s3_objects import has_bucket, has_object, has_objects_under
from emr_pipeline.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckRunOperator(AwsBaseOperator[S3Hook]):
    """Fails, without a retry, on params that cannot work and on inputs that are not there; returns the run's URI."""

    aws_hook_class = S3Hook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> str:
        params = context["params"]
        try:
            check_params(params)
            self._check_bucket()
            self._check_source(params["source_uri"])
            self._check_weights(params["weights"])
        except PipelineError as error:
            raise AirflowFailException(str(error)) from error
        run_uri = run_layout(context, self.settings).run_uri
        self.log.info("%s can be processed into %s", params["source_uri"], run_uri)
        return run_uri

    def _check_bucket(self) -> None:
        bucket = self.settings.bucket
        if not has_bucket(self.hook.conn, bucket):
            raise ParamsError(f"s3://{bucket} does not exist: make it, or set FRUIT_FEATURES_BUCKET to one that does")

    def _check_source(self, source_uri: str) -> None:
        bucket, _ = split_uri(source_uri)
        if not has_bucket(self.hook.conn, bucket):
            raise ParamsError(f"source_uri={source_uri}: bucket s3://{bucket} does not exist; is the name right?")
        if not has_objects_under(self.hook.conn, source_uri):
            raise ParamsError(f"source_uri={source_uri}: nothing lies there; put photographs there, or give their URI")

    def _check_weights(self, weights: str) -> None:
        location = weights_location(weights)
        if location and not (has_bucket(self.hook.conn, location[0]) and has_object(self.hook.conn, *location)):
            raise ParamsError(f"weights={weights}: no such object; upload the file, or give imagenet or random:<seed>")
