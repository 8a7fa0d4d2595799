"""Operator that takes readers back to an earlier snapshot."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from emr_pipeline.operators.publish import published_asset
from emr_pipeline.operators.s3_operator import S3Operator
from emr_pipeline.run.message import Message
from emr_pipeline.settings import Settings
from emr_pipeline.snapshots.rollback import Rollback, last_rollback, roll_back, rollback_text
from emr_pipeline.snapshots.store import Published
from emr_pipeline.task.dag_run import run_id
from emr_pipeline.task.messages import tell
from emr_pipeline.task.refusal import refused_for_good


class RollBackOperator(S3Operator):
    """Operator that points published/latest.json at an earlier snapshot and updates the asset; it returns its id."""

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(settings=settings, outlets=[published_asset(settings)], **kwargs)

    @refused_for_good()
    def execute(self, context: Context) -> str:
        # The oldest Airflow supported does not say who triggered a run.
        by = getattr(context["dag_run"], "triggering_user_name", None)
        params = context["params"]
        asked = Rollback(params["snapshot"], run_id(context), datetime.now(UTC), by, params.get("why"))
        snapshot = roll_back(Published(self.hook.conn, self.settings.bucket), asked)
        text = f"Readers were taken back {rollback_text(snapshot)}"
        self.log.info("%s", text)
        self.log.info("Runs that go on now will not publish; the next run is compared with this snapshot")
        about = f"{snapshot['snapshot']} {run_id(context)}"
        title = f"fruit_features: readers were taken back to {snapshot.get('run')}"
        tell(self, Message("rollback", about, title, f"{text}\n\nReport: {snapshot.get('report_uri')}"))
        extra = {name: snapshot.get(name) for name in ("snapshot", "run_uri", "counts")}
        extra["rollback"] = last_rollback(snapshot)
        context["outlet_events"][published_asset(self.settings)].extra = extra
        return str(snapshot["snapshot"])
