"""Operator that signals new photographs to fruit_features, once for each listing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowException
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from emr_pipeline.landing.assets import fruit_images_asset
from emr_pipeline.landing.decisions import signal_document, signalled_already
from emr_pipeline.landing.signal import read_signal
from emr_pipeline.run.layout import landed_uri
from emr_pipeline.s3.inventory import Changes
from emr_pipeline.s3.objects import put_json_if
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.dag_run import run_id

if TYPE_CHECKING:
    from airflow.sdk import Context

ATTEMPTS = 5


class SignalNewImagesOperator(AwsBaseOperator[S3Hook]):
    """Operator that claims a listing in landed/latest.json and updates the asset; it skips if another was first."""

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = (*AwsBaseOperator.template_fields, "settled")

    def __init__(self, *, settings: Settings, settled: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[fruit_images_asset(settings)], **kwargs)
        self.settings = settings
        self.settled = settled

    def execute(self, context: "Context") -> dict[str, Any]:
        changes, token = Changes(**self.settled["changes"]), self.settled["token"]
        document = signal_document(changes, self.settings.source_uri, run_id(context), token, datetime.now(UTC))
        self._claim(document)
        self.log.info("%s: signalled %s", self.settings.source_uri, changes.text())
        extra = {"digest": changes.digest, "changes": document["changes"]}
        context["outlet_events"][fruit_images_asset(self.settings)].extra = extra
        return document

    def _claim(self, document: dict[str, Any]) -> None:
        """Write the signal: of several tasks that try at the same moment, S3 lets one write, and the others skip."""
        s3, uri = self.hook.conn, landed_uri(self.settings.bucket)
        for _ in range(ATTEMPTS):
            signal, etag = read_signal(s3, uri) or (None, None)
            if signal and signal.token == document["token"]:
                self.log.info("%s: an earlier attempt of this task has already written this signal", uri)
                return
            why = signalled_already(document["digest"], signal, self.settings.landing_retry_s)
            if why:
                raise AirflowSkipException(f"{self.settings.source_uri}: {why}")
            if put_json_if(s3, uri, document, etag):
                return
            self.log.info("Another run wrote %s at the same moment; looking again", uri)
        raise AirflowException(f"{uri}: others were first {ATTEMPTS} times in a row; the next check tries again")
