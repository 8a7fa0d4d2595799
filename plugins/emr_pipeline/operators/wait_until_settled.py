"""Operator that waits until new photographs have landed completely."""

import uuid
from dataclasses import asdict
from typing import Any

from airflow.sdk import Context

from emr_pipeline.emr.wait_messages import duration_text
from emr_pipeline.errors import ParamsError
from emr_pipeline.landing.decisions import Signal, signalled_already
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.run.layout import landed_uri, published_uri, split_uri
from emr_pipeline.run.param_checks import check_source
from emr_pipeline.s3.inventory import Changes
from emr_pipeline.s3.listing import compare_with_inventory
from emr_pipeline.s3.objects import find_json, has_bucket, has_objects_under, read_json
from emr_pipeline.snapshots.rollback import taken_back_text
from emr_pipeline.snapshots.snapshot import inventory_of
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.task.deferral import own_event, pause
from emr_pipeline.task.refusal import refused_for_good


class WaitUntilSettledOperator(S3Operator):
    """Operator that skips if nothing is new, and else returns what is new once it has settled.

    A source has settled when two listings, one settle time apart, are the same. Between the listings the task is
    deferred. What it knows travels in the trigger's event.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        return self._defer(context, self._look(), waited_s=0)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        seen, settle_s = own_event(context, self, event), self.settings.landing_settle_s
        if seen is None:
            return self.execute(context)
        changes, waited_s = self._look(), seen["waited_s"] + settle_s
        if changes.digest != seen["digest"]:
            if waited_s < self.settings.landing_settle_limit_s:
                return self._defer(context, changes, waited_s)
            quiet, waited = duration_text(settle_s), duration_text(waited_s)
            self.log.warning("%s has not been quiet for %s within %s", self.settings.source_uri, quiet, waited)
            self.log.warning("The run takes what is there; what lands from now on belongs to the next run")
        return {"changes": asdict(changes), "token": uuid.uuid4().hex}

    @refused_for_good()
    def _look(self) -> Changes:
        """Return what is new now, or skip: nothing is new, the source is empty, or it was signalled already."""
        source_uri, s3 = self.settings.source_uri, self.hook.conn
        changes = self._changes(s3)
        self.log.info("%s: %s", source_uri, changes.text())
        if not changes.is_any:
            raise AirflowSkipException(f"{source_uri}: {changes.text()}")
        if not has_objects_under(s3, source_uri):
            raise AirflowSkipException(f"{source_uri} is empty: there is nothing to run on")
        signal = Signal.of(*find_json(s3, landed_uri(self.settings.bucket)))
        why = signalled_already(changes.digest, signal, self.settings.landing_retry_s)
        if why:
            raise AirflowSkipException(f"{source_uri}: {why}")
        # The run would skip itself for the same reason; then no run stands there for nothing.
        published = Published(s3, self.settings.bucket)
        why = taken_back_text(published, published.latest(), source_uri, changes.digest)
        if why:
            raise AirflowSkipException(why)
        return changes

    def _changes(self, s3: Any) -> Changes:
        source_uri, bucket = self.settings.source_uri, self.settings.bucket
        check_source("FRUIT_FEATURES_SOURCE_URI", source_uri, bucket)
        for name in {bucket, split_uri(source_uri)[0]}:
            if not has_bucket(s3, name):
                raise ParamsError(f"s3://{name} does not exist: make it, or set FRUIT_FEATURES_BUCKET or _SOURCE_URI")
        published = read_json(s3, published_uri(bucket))
        return compare_with_inventory(s3, source_uri, inventory_of(published, source_uri))

    def _defer(self, context: Context, changes: Changes, waited_s: int) -> dict[str, Any]:
        settle_s = self.settings.landing_settle_s
        self.log.info("Looking again in %s, in case more has landed", duration_text(settle_s))
        return pause(context, self, settle_s, {"digest": changes.digest, "waited_s": waited_s})
