"""Refuses a run that cannot work while that still costs nothing: before a cluster exists."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.compat import AirflowFailException
from emr_pipeline.dag_run import run_id, run_layout
from emr_pipeline.errors import ParamsError, PipelineError
from emr_pipeline.layout import RunLayout, published_uri, split_uri
from emr_pipeline.param_checks import check_params, weights_location
from emr_pipeline.s3_objects import has_bucket, has_object, has_objects_under, read_json
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots import would_overwrite

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckRunOperator(AwsBaseOperator[S3Hook]):
    """Fails, without a retry, on params that cannot work and on inputs that are not there; returns the run's URI."""

    aws_hook_class = S3Hook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> str:
        params, layout = context["params"], run_layout(context, self.settings)
        try:
            check_params(params)
            self._check_bucket()
            self._check_source(params["source_uri"])
            self._check_weights(params["weights"])
            self._check_run(layout, run_id(context))
        except PipelineError as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("%s can be processed into %s", params["source_uri"], layout.run_uri)
        return layout.run_uri

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

    def _check_run(self, layout: RunLayout, dag_run_id: str) -> None:
        published = read_json(self.hook.conn, published_uri(self.settings.bucket))
        if would_overwrite(published, layout, dag_run_id):
            raise ParamsError(
                f"run={layout.run}: {layout.run_uri} is published and this run would write over it while others read "
                "it; give another name, or none"
            )
