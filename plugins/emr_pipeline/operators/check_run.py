"""The first task: a run that cannot work is refused while that still costs nothing, before a cluster exists."""

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.errors import ParamsError, PipelineError
from emr_pipeline.operators.stage_code import wanted_code_uri
from emr_pipeline.run.layout import RunLayout, split_uri
from emr_pipeline.run.param_checks import check_params, check_projection, weights_location
from emr_pipeline.s3.objects import etag_of, has_bucket, has_objects_under
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.snapshot import Origin, would_overwrite
from emr_pipeline.snapshots.store import Published
from emr_pipeline.snapshots.unchanged import nothing_new
from emr_pipeline.task.airflow_compat import AirflowFailException, AirflowSkipException
from emr_pipeline.task.dag_run import run_id, run_layout

if TYPE_CHECKING:
    from airflow.sdk import Context


# How `publish` finds what the run's own weights file was when the run began.
WEIGHTS_ETAG = "weights_etag"
NOTHING_NEW = "nothing_new"


class CheckRunOperator(AwsBaseOperator[S3Hook]):
    """Operator that fails, without a retry, on params that cannot work and on inputs that are not there.

    It returns the run's URI. A run that would come out as what is published already is skipped, and with it all that
    follows; what was compared stands in the log and in the XCom `nothing_new`.
    """

    aws_hook_class = S3Hook

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> str:
        params, layout = context["params"], run_layout(context, self.settings)
        published = Published(self.hook.conn, self.settings.bucket)
        try:
            check_params(params)
            self._check_bucket()
            self._check_source(params["source_uri"])
            weights_etag = self._check_weights(params["weights"])
            latest, _ = published.latest()
            self._skip_if_nothing_is_new(context, published, latest, weights_etag)
            self._check_run(published, latest, layout, context)
        except PipelineError as error:
            raise AirflowFailException(str(error)) from error
        if weights_etag is not None:
            # Airflow 3.0 refuses an XCom of null.
            context["ti"].xcom_push(key=WEIGHTS_ETAG, value=weights_etag)
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

    def _check_weights(self, weights: str) -> str | None:
        """Return the ETag of weights of one's own, null for those that have a name."""
        location = weights_location(weights)
        if location is None:
            return None
        etag = etag_of(self.hook.conn, *location) if has_bucket(self.hook.conn, location[0]) else None
        if etag is None:
            raise ParamsError(f"weights={weights}: no such object; upload the file, or give imagenet or random:<seed>")
        return etag

    def _skip_if_nothing_is_new(
        self, context: "Context", published: Published, latest: dict[str, Any] | None, weights_etag: str | None
    ) -> None:
        if context["params"]["force"]:
            self.log.info("force: this runs whether or not anything is new")
            return
        if latest and latest.get("dag_run_id") == run_id(context):
            self.log.info("Snapshot %s is this DAG run's own: it was cleared to be repeated", latest["snapshot"])
            return
        origin = Origin.of(context["params"], wanted_code_uri(self.settings), weights_etag)
        text = nothing_new(published, latest, origin)
        if text is not None:
            context["ti"].xcom_push(key=NOTHING_NEW, value=text)
            raise AirflowSkipException(text)

    def _check_run(
        self, published: Published, latest: dict[str, Any] | None, layout: RunLayout, context: "Context"
    ) -> None:
        # Without a name of its own a run has one that no other can have.
        kept = published.documents() if context["params"].get("run") else []
        snapshot = would_overwrite(latest, kept, layout, run_id(context))
        if snapshot is not None:
            raise ParamsError(
                f"run={layout.run}: {layout.run_uri} is published as snapshot {snapshot.get('snapshot')} and this run "
                "would write over it while others read it; give another name, or none"
            )
        check_projection(context["params"], has_baseline=latest is not None)
