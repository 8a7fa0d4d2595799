"""Operator that signals new photographs to fruit_features, once for each listing."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from emr_pipeline.landing.assets import fruit_images_asset
from emr_pipeline.landing.decisions import Signal, signal_document, signalled_already
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.run.layout import landed_uri
from emr_pipeline.s3.inventory import Changes
from emr_pipeline.s3.objects import update_json
from emr_pipeline.settings import Settings
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.dag_run import run_id


class SignalNewImagesOperator(S3Operator):
    """Operator that claims a listing in landed/latest.json and updates the asset; it skips if another was first."""

    template_fields = (*S3Operator.template_fields, "settled")

    def __init__(self, *, settings: Settings, settled: Any, **kwargs: Any) -> None:
        super().__init__(settings=settings, outlets=[fruit_images_asset(settings)], **kwargs)
        self.settled = settled

    def execute(self, context: Context) -> dict[str, Any]:
        changes, token = Changes(**self.settled["changes"]), self.settled["token"]
        document = signal_document(changes, self.settings.source_uri, run_id(context), token, datetime.now(UTC))
        self._claim(document)
        self.log.info("%s: signalled %s", self.settings.source_uri, changes.text())
        extra = {"digest": changes.digest, "changes": document["changes"]}
        context["outlet_events"][fruit_images_asset(self.settings)].extra = extra
        return document

    def _claim(self, document: dict[str, Any]) -> None:
        """Write the signal: of several tasks that try at the same moment, S3 lets one write, and the others skip."""

        def claimed(content: Any, answer: Any) -> dict[str, Any] | None:
            last = Signal.of(content, answer)
            if last and last.token == document["token"]:
                # An earlier attempt of this task has already written this signal.
                return None
            why = signalled_already(document["digest"], last, self.settings.landing_retry_s)
            if why:
                raise AirflowSkipException(f"{self.settings.source_uri}: {why}")
            return document

        update_json(self.hook.conn, landed_uri(self.settings.bucket), claimed)
