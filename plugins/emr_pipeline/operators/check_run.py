"""The first task: a run that cannot work is refused while that still costs nothing, before a cluster exists."""

from typing import Any

from airflow.sdk import Context

from emr_pipeline.errors import ParamsError
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.operators.stage_code import wanted_code_uri
from emr_pipeline.run.layout import split_uri
from emr_pipeline.run.param_checks import check_params, check_projection, check_source
from emr_pipeline.s3.labels import check_labels
from emr_pipeline.s3.objects import etag_of, has_bucket, has_objects_under
from emr_pipeline.snapshots.snapshot import Origin
from emr_pipeline.snapshots.store import Published
from emr_pipeline.snapshots.unchanged import nothing_new
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.dag_run import run_id, run_layout
from emr_pipeline.task.refusal import refused_for_good

# How `publish` finds what the run's own weights and labels files were when the run began.
WEIGHTS_ETAG, LABELS_ETAG = "weights_etag", "labels_etag"
NOTHING_NEW = "nothing_new"


class CheckRunOperator(S3Operator):
    """Operator that fails, without a retry, on params that cannot work and on inputs that are not there.

    It returns the run's URI. A run that would come out as what is published already is skipped, and with it all that
    follows; what was compared stands in the log and in the XCom `nothing_new`.
    """

    @refused_for_good()
    def execute(self, context: Context) -> str:
        params, layout = context["params"], run_layout(context, self.settings)
        published = Published(self.hook.conn, self.settings.bucket)
        check_params(params)
        if not has_bucket(self.hook.conn, bucket := self.settings.bucket):
            raise ParamsError(f"s3://{bucket} does not exist: make it, or set FRUIT_FEATURES_BUCKET to one that does")
        self._check_source(params["source_uri"])
        etags = {
            WEIGHTS_ETAG: self._check_weights(params["weights"]),
            LABELS_ETAG: check_labels(self.hook.conn, params),
        }
        latest = published.latest()
        self._skip_if_nothing_is_new(context, published, latest, etags)
        published.refuse_rewrite(layout)
        check_projection(params, has_baseline=latest is not None)
        for key, etag in etags.items():
            # Airflow 3.0 refuses an XCom of null.
            if etag is not None:
                context["ti"].xcom_push(key=key, value=etag)
        self.log.info("%s can be processed into %s", params["source_uri"], layout.run_uri)
        return layout.run_uri

    def _check_source(self, source_uri: str) -> None:
        check_source("source_uri", source_uri, self.settings.bucket)
        bucket, _ = split_uri(source_uri)
        if not has_bucket(self.hook.conn, bucket):
            raise ParamsError(f"source_uri={source_uri}: bucket s3://{bucket} does not exist; is the name right?")
        if not has_objects_under(self.hook.conn, source_uri):
            raise ParamsError(f"source_uri={source_uri}: nothing lies there; put photographs there, or give their URI")

    def _check_weights(self, weights: str) -> str | None:
        """Return the ETag of weights of one's own, null for those that have a name."""
        if not weights.startswith("s3://"):
            return None
        etag = etag_of(self.hook.conn, weights)
        if etag is None:
            raise ParamsError(f"weights={weights}: no such object; upload the file, or give imagenet or random:<seed>")
        return etag

    def _skip_if_nothing_is_new(
        self, context: Context, published: Published, latest: dict[str, Any] | None, etags: dict[str, str | None]
    ) -> None:
        if context["params"]["force"]:
            self.log.info("force: this runs whether or not anything is new")
            return
        if latest and latest.get("dag_run_id") == run_id(context):
            # It was cleared, to be repeated: that is refused, and not skipped.
            return
        origin = Origin.of(context["params"], wanted_code_uri(self.settings), **etags)
        text = nothing_new(published, latest, origin)
        if text is not None:
            context["ti"].xcom_push(key=NOTHING_NEW, value=text)
            raise AirflowSkipException(text)
