"""The first task: a run that cannot work is refused while that still costs nothing, before a cluster exists."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from airflow.sdk import Context
from botocore.exceptions import ClientError

from emr_pipeline.errors import ParamsError
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.operators.stage_code import wanted_code_uri
from emr_pipeline.run.layout import split_uri
from emr_pipeline.run.param_checks import check_params, check_projection, check_source
from emr_pipeline.s3.labels import check_labels
from emr_pipeline.s3.objects import error_code, has_bucket, has_objects_under
from emr_pipeline.s3.source_listing import SourceListing
from emr_pipeline.s3.weights import find_weights
from emr_pipeline.snapshots.foreseen_cost import check_cost
from emr_pipeline.snapshots.repeat import published_text, refuse_another_identity, repeated_params
from emr_pipeline.snapshots.rollback import last_rollback, taken_back_text
from emr_pipeline.snapshots.snapshot import Origin, inventory_of
from emr_pipeline.snapshots.store import Published
from emr_pipeline.snapshots.unchanged import nothing_new
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.dag_run import run_id, run_layout
from emr_pipeline.task.refusal import refused_for_good
from emr_pipeline.task.run_params import RUN_PARAMS, is_automatic
from run_contract.param_queries import param_named

# How `publish` finds what the run's own weights and labels files were when the run began.
WEIGHTS_ETAG, LABELS_ETAG = "weights_etag", "labels_etag"
NOTHING_NEW = "nothing_new"
# How `publish` notices that readers were taken back while the run went on.
LAST_ROLLBACK = "last_rollback"
# What `publish` holds against what the run did cost.
FORECAST = "forecast"


@contextmanager
def _denied_as_params_error(given: str, parameter: str) -> Iterator[None]:
    """Raise a ParamsError, which names the parameter of the stack to set, where S3 refuses Airflow's role."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in ("403", "AccessDenied"):
            raise
        raise ParamsError(
            f"{given}: Airflow's role may not look there; name the bucket in the stack's parameter {parameter}, and "
            "its key, if it has one of your own, in ReadKeyArns"
        ) from error


def _skip_if_taken_back(published: Published, latest: Mapping[str, Any] | None, listing: SourceListing) -> None:
    """Skip a run that nobody triggered and that would undo a rollback: it may have waited while readers went back."""
    why = last_rollback(latest) and taken_back_text(published, latest, listing.source_uri, listing.digest)
    if why:
        raise AirflowSkipException(str(why))


class CheckRunOperator(S3Operator):
    """Operator that fails, without a retry, on params that cannot work and on inputs that are not there.

    It returns the run's URI. A run that would come out as what is published already is skipped, and with it all that
    follows; what was compared stands in the log and in the XCom `nothing_new`.
    """

    @refused_for_good()
    def execute(self, context: Context) -> str:
        layout = run_layout(context, self.settings)
        published = Published(self.hook.conn, self.settings.bucket)
        latest = published.latest()
        params = self._params(context, latest)
        check_params(params)
        if not has_bucket(self.hook.conn, bucket := self.settings.bucket):
            raise ParamsError(f"s3://{bucket} does not exist: make it, or set FRUIT_FEATURES_BUCKET to one that does")
        self._check_source(params["source_uri"])
        self._check_groups(params["groups_from"])
        with _denied_as_params_error(f"weights={params['weights']}", "WeightsBucketName"):
            weights = find_weights(self.hook.conn, params, layout.uri("models"))
        listing = SourceListing(self.hook.conn, params["source_uri"], inventory_of(latest, params["source_uri"]))
        if is_automatic(context):
            refuse_another_identity(params, latest, weights.etag, weights.sha256)
            _skip_if_taken_back(published, latest, listing)
        with _denied_as_params_error(f"labels={params['labels']}", "SourceBucketName or WeightsBucketName"):
            etags = {WEIGHTS_ETAG: weights.etag, LABELS_ETAG: check_labels(self.hook.conn, params, listing)}
        self._log_what_is_there(params)
        origin = Origin.of(params, wanted_code_uri(self.settings), **etags)
        if params["force"]:
            self.log.info("force: this runs whether or not anything is new")
        else:
            self._skip_if_nothing_is_new(context, published, latest, origin, listing)
        published.refuse_rewrite(layout)
        check_projection(params, has_baseline=latest is not None)
        forecast = check_cost(published, origin, params, listing, self.settings)
        known = {LAST_ROLLBACK: last_rollback(latest).get("dag_run_id"), **etags}
        known[FORECAST] = forecast and asdict(forecast)
        for key, value in known.items():
            # Airflow 3.0 refuses an XCom of null.
            if value is not None:
                context["ti"].xcom_push(key=key, value=value)
        self.log.info("%s can be processed into %s", params["source_uri"], layout.run_uri)
        return layout.run_uri

    def _params(self, context: Context, latest: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return the run's params; those of a run that nobody triggered are left for the tasks after this one, too."""
        self.log.info("%s", published_text(latest))
        if not is_automatic(context):
            return context["params"]
        params = repeated_params(context["params"], self.settings.params, latest)
        named = ", ".join(param_named(name).setting for name in self.settings.params) or "none"
        self.log.info("Nobody triggered this run, so it repeats what is published; settings that go before: %s", named)
        self.log.info("It takes %s", ", ".join(f"{name}={value}" for name, value in params.items()))
        context["ti"].xcom_push(key=RUN_PARAMS, value=params)
        return params

    def _log_what_is_there(self, params: Mapping[str, Any]) -> None:
        weights = f"weights {params['weights']}"
        for what in (f"bucket s3://{self.settings.bucket}", f"photographs under {params['source_uri']}", weights):
            self.log.info("ok: %s", what)
        self.log.info("Not asked, for Airflow's role may not: roles, network, quotas. On AWS `make preflight` asks")

    def _check_source(self, source_uri: str) -> None:
        check_source("source_uri", source_uri, self.settings.bucket)
        bucket, _ = split_uri(source_uri)
        with _denied_as_params_error(f"source_uri={source_uri}", "SourceBucketName"):
            exists = has_bucket(self.hook.conn, bucket)
            holds_some = exists and has_objects_under(self.hook.conn, source_uri)
        if not exists:
            raise ParamsError(f"source_uri={source_uri}: bucket s3://{bucket} does not exist; is the name right?")
        if not holds_some:
            raise ParamsError(f"source_uri={source_uri}: nothing lies there; put photographs there, or give their URI")

    def _check_groups(self, groups_from: str | None) -> None:
        if not groups_from:
            return
        bucket, _ = split_uri(groups_from)
        with _denied_as_params_error(f"groups_from={groups_from}", "SourceBucketName"):
            holds_some = has_bucket(self.hook.conn, bucket) and has_objects_under(self.hook.conn, groups_from)
        if not holds_some:
            raise ParamsError(f"groups_from={groups_from}: nothing lies there; give the groups/ of a run that is kept")

    def _skip_if_nothing_is_new(
        self,
        context: Context,
        published: Published,
        latest: dict[str, Any] | None,
        origin: Origin,
        listing: SourceListing,
    ) -> None:
        if latest and latest.get("dag_run_id") == run_id(context):
            # It was cleared, to be repeated: that is refused, and not skipped.
            return
        text = nothing_new(published, latest, origin, listing)
        if text is not None:
            context["ti"].xcom_push(key=NOTHING_NEW, value=text)
            raise AirflowSkipException(text)
