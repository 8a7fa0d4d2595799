"""Publishes a run that passed its audit: one object, replaced whole by one conditional write."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowException
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk import Asset
from botocore.exceptions import ClientError

from emr_pipeline.compat import AirflowFailException
from emr_pipeline.dag_run import run_id, run_layout
from emr_pipeline.errors import ReportRefusedError
from emr_pipeline.layout import published_uri, split_uri
from emr_pipeline.links import ReportLink, RunFolderLink, persist_run_links
from emr_pipeline.s3_objects import error_code, read_json, read_json_with_etag
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots import following, snapshot_of
from emr_pipeline.stages import STAGES

if TYPE_CHECKING:
    from airflow.sdk import Context

# What S3 answers when another publisher was first: between our read and our write, or at the very same moment.
OVERTAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
ATTEMPTS = 5


def published_asset(settings: Settings) -> Asset:
    """The asset that DAGs which use the features are scheduled on."""
    return Asset(name="fruit_features", uri=published_uri(settings.bucket))


class PublishOperator(AwsBaseOperator[S3Hook]):
    """Points published/latest.json at this run, and tells the asset what is in it; returns the snapshot's id."""

    aws_hook_class = S3Hook
    operator_extra_links = (ReportLink(), RunFolderLink())

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(outlets=[published_asset(settings)], **kwargs)
        self.settings = settings

    def execute(self, context: "Context") -> str:
        persist_run_links(context, self)
        layout = run_layout(context, self.settings)
        stats = {stage.name: read_json(self.hook.conn, layout.stats_uri(stage.name)) for stage in STAGES}
        validation = read_json(self.hook.conn, layout.validation_uri)
        try:
            snapshot = snapshot_of(
                layout, run_id(context), validation, stats, context["params"]["formats"], datetime.now(UTC)
            )
        except ReportRefusedError as error:
            raise AirflowFailException(str(error)) from error
        published = self._publish(snapshot)
        extra = {name: published[name] for name in ("snapshot", "run_uri", "counts")}
        context["outlet_events"][published_asset(self.settings)].extra = extra
        return str(published["snapshot"])

    def _publish(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        uri = published_uri(self.settings.bucket)
        for _ in range(ATTEMPTS):
            current, etag = read_json_with_etag(self.hook.conn, uri) or (None, None)
            if current and current["snapshot"] == snapshot["snapshot"]:
                # An earlier attempt of this task got as far as the write.
                self.log.info("%s says snapshot %s already", uri, snapshot["snapshot"])
                return dict(current)
            candidate = following(snapshot, current)
            if self._replace(uri, candidate, etag):
                self.log.info("%s now says snapshot %s, before %s", uri, candidate["snapshot"], candidate["previous"])
                return candidate
            self.log.info("Another run published to %s in this moment; looking again", uri)
        raise AirflowException(f"{uri}: other runs were first {ATTEMPTS} times in a row; clear this task to try again")

    def _replace(self, uri: str, content: dict[str, Any], etag: str | None) -> bool:
        """Write if nobody has written since the read that gave this ETag (null: there was nothing)."""
        s3: Any = self.hook.conn
        bucket, key = split_uri(uri)
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        body = json.dumps(content, indent=2).encode()
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
        except ClientError as error:
            if error_code(error) not in OVERTAKEN:
                raise
            return False
        return True
